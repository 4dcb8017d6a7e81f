import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const portable = kernelBackends[0]!

describe.each(kernelBackends)('maxNorm on $name', (backend) => {
  it.each([1, 2, 3, 5, 15, 16, 17, 35, 127, 1009, 20_011])('scales rows of %i onto the ball, and leaves those inside alone', (length) => {
    const random = testRandom(151)
    const rows = 6
    const before = random.array(rows * length).map((x, i) => (x * (1 + (Math.floor(i / length) % 3))) / Math.sqrt(length))
    const p = guarded(Float32Array, rows * length, before, 1)
    const limit = 1.5
    expect(backend.call('maxNorm', [p.array, Float64Array.of(0, rows * length, 1, 0, limit, length)], [rows * length, 1]).status).toBe(0)
    for (let row = 0; row < rows; row++) {
      const [was, is] = [before, p.array].map((all) => all.slice(row * length, (row + 1) * length)) as [Float32Array, Float32Array]
      const norm = Math.hypot(...was)
      if (norm <= limit * (1 - 1e-12)) expectSameBits(is, was, `row ${row}`)
      else {
        // The factor and the product are rounded.
        was.forEach((value, i) => {
          expect(Math.abs(is[i]! - (value * limit) / norm)).toBeLessThanOrEqual(2.01 * unitRoundoff * Math.abs(value) + 2 ** -149)
        })
        expect(Math.hypot(...is)).toBeLessThanOrEqual(limit * (1 + 2.01 * unitRoundoff))
      }
    }
    p.intact()
  })

  it('gives the portable bits over many segments, on any threads, and touches only whole rows of segments with a limit', () => {
    const p = testRandom(152).array(60_000)
    const table = [
      [0, 1000, 1, 0, 2, 10],
      [1000, 1000, 1, 0, 0, 10],
      [2000, 1005, 1, 0, 2, 10],
      [3010, 40_000, 1, 0, 5, 777],
      [50_000, 17, 1, 0, 1, 17]
    ]
    const bad = [
      [-10, 20, 1, 0, 1, 5],
      [59_995, 10, 1, 0, 1, 5],
      [55_000, 100, 1, 0, 1, 0],
      [55_100, 100, 1, 0, 1, 101],
      [55_200, 9, 1, 0, 1, Number.NaN],
      [55_300, 9, 1, 0, Number.NaN, 3]
    ]
    const segments = Float64Array.from([...table, ...bad].flat())
    const expected = p.slice()
    portable.call('maxNorm', [expected, segments], [p.length, table.length + bad.length])
    for (const threads of [1, 2]) {
      const actual = p.slice()
      backend.call('maxNorm', [actual, segments], [p.length, table.length + bad.length], [], threads)
      expectSameBits(actual, expected)
    }
    for (const [from, to] of [
      [1000, 2000],
      [3000, 3010],
      [3010 + 51 * 777, 50_000],
      [50_017, 60_000]
    ] as const)
      expectSameBits(expected.slice(from, to), p.slice(from, to), `${from} … ${to}`)
    expect(expected.subarray(0, 1000)).not.toEqual(p.subarray(0, 1000))
  })

  it('keeps zeros and NaN as they are, and norms whose squares float32 could not hold', () => {
    const p = Float32Array.of(0, -0, Number.NaN, 5, 3e30, 4e30, 3e-30, 4e-30)
    backend.call('maxNorm', [p, Float64Array.of(0, 8, 1, 0, 1, 2)], [8, 1])
    expectSameBits(p, Float32Array.of(0, -0, Number.NaN, 5, p[4]!, p[5]!, 3e-30, 4e-30))
    expect(p[4]).toBeCloseTo(0.6, 6)
    expect(p[5]).toBeCloseTo(0.8, 6)
  })
})
