/** Index of the first label outside 0 … classes − 1; `count` if all are good. */
export function firstBadLabel(labels: Int32Array, count: number, classes: number): number {
  for (let i = 0; i < count; i++) if (labels[i]! < 0 || labels[i]! >= classes) return i
  return count
}
