/** An `ignored` that no label is. */
export const noneIgnored = 2 ** 31

/** Index of the first label outside 0 … classes − 1 that is not `ignored`; `count` if all are good. */
export function firstBadLabel(labels: Int32Array, count: number, classes: number, ignored = noneIgnored): number {
  for (let i = 0; i < count; i++) if ((labels[i]! < 0 || labels[i]! >= classes) && labels[i] !== ignored) return i
  return count
}
