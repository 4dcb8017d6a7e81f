/**
 * Lengths around every vector width that any instruction set uses (L = 4, 8, 16), and a prime:
 * 0, 1, L−1, L, L+1, 2L+3 for each.
 */
export const lengths: readonly number[] = [0, 1, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 19, 35, 127, 1009]

/** 2⁻²⁴: half an ulp of float32 at 1. */
export const unitRoundoff = 2 ** -24

/** Largest |actual − expected| − bound; a test asks that it is not positive. NaN where kinds differ (NaN, infinities). */
export function worstExcess(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: (index: number) => number
): { excess: number; index: number } {
  let worst = { excess: Number.NEGATIVE_INFINITY, index: -1 }
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    const excess = Object.is(a, e) || (Number.isNaN(a) && Number.isNaN(e)) ? -bound(i) : Math.abs(a - e) - bound(i)
    if (Number.isNaN(excess)) return { excess: Number.NaN, index: i }
    if (excess > worst.excess) worst = { excess, index: i }
  }
  return worst
}
