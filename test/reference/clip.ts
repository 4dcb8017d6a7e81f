/** √Σg² over the ranges in float64, by compensated summation (Neumaier 1974). */
export function normReference(g: ArrayLike<number>, ranges: readonly (readonly [start: number, length: number])[]): number {
  let sum = 0
  let lost = 0
  for (const [start, length] of ranges)
    for (let i = start; i < start + length; i++) {
      const square = g[i]! * g[i]!
      const next = sum + square
      lost += Math.abs(sum) >= square ? sum - next + square : square - next + sum
      sum = next
    }
  return Math.sqrt(sum + lost)
}
