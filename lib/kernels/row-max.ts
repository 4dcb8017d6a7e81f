/** The largest of `count` elements from `start` on; NaN if one of them is. */
export function rowMax(values: Float32Array, start: number, count: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (let i = start; i < start + count; i++) max = Math.max(max, values[i]!)
  return max
}
