import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { columnOf, sumReference } from '../reference/sum.js'

const portable = kernelBackends[0]!
/** 64 float32 additions in a block, the last rounding of the result; float64 adds nothing to speak of. */
const roundings = 65

describe.each(kernelBackends)('sumRows on $name', (backend) => {
  it.each([0, 1, 3, 64, 65, 200, 513])('sums %i rows', (rows) => {
    const random = testRandom(51)
    for (const columns of rows === 200 ? [...lengths, 300] : [1, 10, 17, 257]) {
      const x = guarded(Float32Array, rows * columns, random.array(rows * columns, 1, 0.3), 1)
      const out = guarded(Float32Array, columns, undefined, 3)
      expect(backend.call('sumRows', [out.array, x.array], [rows, columns]).status).toBe(0)
      const terms = Array.from({ length: columns }, (_, c) => columnOf(x.array, columns, c))
      const { excess, index } = worstExcess(
        out.array,
        terms.map((column) => sumReference(column)),
        (c) => roundings * unitRoundoff * sumReference(terms[c]!.map(Math.abs))
      )
      expect(excess, `column ${index} of ${columns}`).toBeLessThanOrEqual(0)
      x.intact()
      out.intact()
    }
  })

  it.each([
    [1500, 40],
    [100, 1100],
    [2049, 3]
  ])('gives the portable bits on any threads: %i × %i', (rows, columns) => {
    const x = testRandom(52).array(rows * columns, 10)
    const expected = new Float32Array(columns)
    portable.call('sumRows', [expected, x], [rows, columns])
    for (const threads of [1, 2]) {
      const out = new Float32Array(columns)
      backend.call('sumRows', [out, x], [rows, columns], [], threads)
      expectSameBits(out, expected, `${threads} threads`)
    }
  })

  it('keeps small terms beside large ones that cancel over blocks, and special values', () => {
    const rows = 192
    const x = new Float32Array(rows * 3)
    for (let row = 0; row < rows; row++) x[row * 3] = row < 64 ? 1e9 : row < 128 ? 1 : -1e9
    x[100 * 3 + 1] = Number.NaN
    x[190 * 3 + 2] = Number.NEGATIVE_INFINITY
    const out = new Float32Array(3)
    backend.call('sumRows', [out, x], [rows, 3])
    expect([...out]).toEqual([64, Number.NaN, Number.NEGATIVE_INFINITY])
  })
})
