import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { sumReference } from '../reference/sum.js'

const portable = kernelBackends[0]!

describe.each(kernelBackends)('squaredErrorForward on $name', (backend) => {
  it.each([1, 5])('means the squares of %i rows: the portable bits, within one rounding', (rows) => {
    const random = testRandom(91)
    for (const columns of [...lengths.slice(1), 20_001]) {
      const p = guarded(Float32Array, rows * columns, random.array(rows * columns), 1)
      const t = guarded(Float32Array, rows * columns, random.array(rows * columns), 2)
      const loss = guarded(Float32Array, rows, undefined, 3)
      expect(backend.call('squaredErrorForward', [loss.array, p.array, t.array], [rows, columns]).status).toBe(0)
      const expected = Float64Array.from({ length: rows }, (_, row) => {
        const squares = Array.from({ length: columns }, (_, c) => (p.array[row * columns + c]! - t.array[row * columns + c]!) ** 2)
        return sumReference(squares) / columns
      })
      // One rounding to float32, and columns + 3 float64 roundings of positive terms.
      const { excess } = worstExcess(loss.array, expected, (i) => (unitRoundoff + (columns + 3) * 2 ** -53) * expected[i]!)
      expect(excess, `${columns} columns`).toBeLessThanOrEqual(0)
      const same = new Float32Array(rows)
      portable.call('squaredErrorForward', [same, p.array, t.array], [rows, columns])
      expectSameBits(loss.array, same, `${columns} columns`)
      for (const operand of [p, t, loss]) operand.intact()
    }
  })

  it('gives the same bits on any threads, and keeps NaN and infinities to their row', () => {
    const random = testRandom(92)
    const [rows, columns] = [5000, 9]
    const p = random.array(rows * columns)
    const t = random.array(rows * columns)
    p[9] = Number.NaN
    t[20] = Number.POSITIVE_INFINITY
    const [one, two] = [new Float32Array(rows), new Float32Array(rows)]
    backend.call('squaredErrorForward', [one, p, t], [rows, columns], [], 1)
    backend.call('squaredErrorForward', [two, p, t], [rows, columns], [], 2)
    expectSameBits(two, one)
    expect([...one.slice(1, 3)]).toEqual([Number.NaN, Number.POSITIVE_INFINITY])
    expect(one.filter((value) => !Number.isFinite(value)).length).toBe(2)
  })
})
