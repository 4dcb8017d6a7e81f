/** Sums in float64 over 16 fixed lanes: element i adds to lane i % 16, then the upper half of the lanes is added to the lower until one is left. */
export const sumLanes = 16

/** Kernels allocate nothing; one call runs at a time in a thread. Clear with `fill(0)` before a sum. */
export const laneSums = new Float64Array(sumLanes)

export function foldLanes(lanes: Float64Array): number {
  for (let half = sumLanes / 2; half > 0; half >>= 1)
    for (let lane = 0; lane < half; lane++) lanes[lane] = lanes[lane]! + lanes[lane + half]!
  return lanes[0]!
}
