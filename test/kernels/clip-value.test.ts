import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const row = (start: number, length: number): number[] => [start, length, 1, 0, 0, length]
const reference = (g: number, limit: number): number => (Number.isNaN(g) ? g : Math.min(Math.max(g, -limit), limit))

describe.each(kernelBackends)('clipValue on $name', (backend) => {
  it.each(lengths)('of %i gradients', (length) => {
    const before = testRandom(173).array(length)
    const limit = Math.fround(0.7)
    const g = guarded(Float32Array, length, before, 1)
    expect(backend.call('clipValue', [g.array, Float64Array.from(row(0, length))], [length, 1], [limit]).status).toBe(0)
    expectSameBits(
      g.array,
      before.map((value) => reference(value, limit))
    )
    g.intact()
  })

  it('keeps zeros and NaN, and cuts infinities; the limit is rounded to float32', () => {
    const g = Float32Array.of(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, 0.1, -0.1, 0.2)
    backend.call('clipValue', [g, Float64Array.from(row(0, 9))], [9, 1], [0.1])
    const limit = Math.fround(0.1)
    expectSameBits(g, Float32Array.of(0, -0, Number.NaN, limit, -limit, 1e-45, limit, -limit, limit))
  })

  it('touches only segments that lie inside, on any threads', () => {
    const before = testRandom(174).array(40_000)
    const table = [row(5, 1000), row(16_380, 20_000), row(39_999, 1)]
    const segments = Float64Array.from([...table, row(-1, 5), row(39_000, 2000), row(Number.NaN, 1)].flat())
    const inside = (i: number): boolean => table.some(([start, length]) => i >= start! && i < start! + length!)
    const expected = before.map((value, i) => (inside(i) ? reference(value, 0.5) : value))
    for (const threads of [1, 2]) {
      const actual = before.slice()
      backend.call('clipValue', [actual, segments], [before.length, 6], [0.5], threads)
      expectSameBits(actual, expected)
    }
  })
})
