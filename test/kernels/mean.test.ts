import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { sumReference } from '../reference/sum.js'

const portable = kernelBackends[0]!

describe.each(kernelBackends)('mean on $name', (backend) => {
  it.each([...lengths.slice(1), 16_384, 16_385, 70_001])('of %i elements: the portable bits, within one rounding', (length) => {
    const x = guarded(Float32Array, length, testRandom(61).array(length, 1, 0.01), 1)
    const expected = new Float32Array(1)
    portable.call('mean', [expected, x.array], [length])
    const reference = sumReference(x.array) / length
    // One rounding to float32, and length float64 additions.
    const bound = unitRoundoff * Math.abs(reference) + (length * 2 ** -53 * sumReference(x.array.map(Math.abs))) / length
    for (const threads of [1, 2]) {
      const out = guarded(Float32Array, 1, undefined, 3)
      expect(backend.call('mean', [out.array, x.array], [length], [], threads).status).toBe(0)
      expect(Math.abs(out.array[0]! - reference)).toBeLessThanOrEqual(bound)
      expectSameBits(out.array, expected)
      out.intact()
    }
    x.intact()
  })

  it('survives what float32 sums do not', () => {
    const x = new Float32Array(3001).fill(3e38)
    const out = new Float32Array(1)
    backend.call('mean', [out, x], [x.length])
    expect(out[0]).toBe(Math.fround(3e38))
    x.fill(2 ** 24)
    x.fill(1, 2, 1000)
    x.fill(-(2 ** 24), 1000)
    x.fill(0, 1002)
    backend.call('mean', [out, x], [x.length])
    expect(out[0]).toBe(Math.fround(998 / 3001))
  })

  it('of nothing, of NaN and of infinities', () => {
    for (const [values, expected] of [
      [[], Number.NaN],
      [[1, Number.NaN], Number.NaN],
      [[1, Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY],
      [[-0, -0], 0]
    ] as const) {
      const out = new Float32Array(1)
      backend.call('mean', [out, Float32Array.from(values)], [values.length])
      expect(out[0]).toBe(expected)
    }
  })
})
