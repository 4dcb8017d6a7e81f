import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { normReference } from '../reference/clip.js'

const portable = kernelBackends[0]!
const row = (start: number, length: number): number[] => [start, length, 1, 0, 0, length]

/** n squares in float64, each sum within 2⁻⁵³ of all of it: far below one rounding to float32. */
const normBound = (n: number): number => 1.01 * unitRoundoff + n * 2 ** -53

describe.each(kernelBackends)('clipNorm on $name', (backend) => {
  it.each([...lengths, 16_383, 16_384, 16_385, 40_000])('of %i gradients: the norm, and that of the scaled ones', (length) => {
    const before = testRandom(171).array(length)
    const norm = normReference(before, [[0, length]])
    for (const limit of [norm / 3, norm * (1 - 1e-9), norm * (1 + 1e-9), norm * 5, 1e-30]) {
      const g = guarded(Float32Array, length, before, 1)
      const out = guarded(Float32Array, 1, [7], 1)
      const { status } = backend.call('clipNorm', [out.array, g.array, Float64Array.from(row(0, length))], [length, 1], [limit])
      expect(status).toBe(0)
      expect(Math.abs(out.array[0]! - norm)).toBeLessThanOrEqual(normBound(length) * norm)
      if (!(norm > limit)) expectSameBits(g.array, before)
      else {
        const scaled = Float64Array.from(before, (value) => (value * limit) / norm)
        // The factor and each product are rounded.
        const { excess, index } = worstExcess(g.array, scaled, (i) => 2.01 * unitRoundoff * Math.abs(scaled[i]!) + 2 ** -149)
        expect(excess, `element ${index}`).toBeLessThanOrEqual(0)
      }
      g.intact()
      out.intact()
    }
  })

  it('gives the portable bits over many segments, on any threads, and leaves alone what lies in none', () => {
    const before = testRandom(172)
      .array(60_000)
      .map((x, i) => x * 10 ** ((i % 7) - 3))
    const table = [row(0, 1000), row(16_380, 9), row(2000, 14_000), row(17_000, 30_001), row(59_999, 1), row(50_000, 0)]
    const ranges = table.map(([start, length]) => [start!, length!] as const)
    const bad = [row(-10, 20), row(59_995, 10), row(Number.NaN, 3)]
    const segments = Float64Array.from([...table, ...bad].flat())
    const expected = before.slice()
    const norm = new Float32Array(1)
    portable.call('clipNorm', [norm, expected, segments], [before.length, table.length + bad.length], [2.5])
    const exact = normReference(before, ranges)
    expect(Math.abs(norm[0]! - exact)).toBeLessThanOrEqual(normBound(60_000) * exact)
    for (const threads of [1, 2]) {
      const actual = before.slice()
      const out = new Float32Array(1)
      backend.call('clipNorm', [out, actual, segments], [before.length, table.length + bad.length], [2.5], threads)
      expectSameBits(actual, expected)
      expectSameBits(out, norm)
    }
    const inside = (i: number): boolean => ranges.some(([start, length]) => i >= start && i < start + length)
    const changed = before.map((x, i) => (Object.is(x, expected[i]) ? 0 : 1))
    expect(changed.every((is, i) => (is === 1) === inside(i))).toBe(true)
  })

  it('holds norms that float32 does not, and leaves gradients alone that are not finite', () => {
    const clip = (values: number[], limit: number) => {
      const [norm, g] = [new Float32Array(1), Float32Array.from(values)]
      backend.call('clipNorm', [norm, g, Float64Array.from(row(0, g.length))], [g.length, 1], [limit])
      return [...norm, ...g]
    }
    expect(clip([3e38, 3e38], 1e38)[0]).toBe(Number.POSITIVE_INFINITY)
    expect(clip([3e38, 3e38], 1e38)[1]! / 1e38).toBeCloseTo(Math.SQRT1_2, 6)
    expect(clip([3e-30, 4e-30], 1)).toEqual([Math.fround(5e-30), ...Float32Array.of(3e-30, 4e-30)])
    expect(clip([0, -0], 0)).toEqual([0, 0, -0])
    expect(clip([Number.NaN, 5], 1)).toEqual([Number.NaN, Number.NaN, 5])
    expect(clip([Number.NEGATIVE_INFINITY, 5], 1)).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5])
    expect(clip([], 1)).toEqual([0])
  })
})
