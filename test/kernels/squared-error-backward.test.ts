import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const portable = kernelBackends[0]!

describe.each(kernelBackends)('squaredErrorBackward on $name', (backend) => {
  it.each([1, 5])('against central differences of %i rows, with the portable bits', (rows) => {
    const random = testRandom(101)
    for (const columns of [...lengths, 20_001]) {
      const p = guarded(Float32Array, rows * columns, random.array(rows * columns), 1)
      const t = guarded(Float32Array, rows * columns, random.array(rows * columns), 2)
      const dLoss = guarded(Float32Array, rows, random.array(rows), 3)
      const dp = guarded(Float32Array, rows * columns, undefined, 1)
      expect(backend.call('squaredErrorBackward', [dp.array, dLoss.array, p.array, t.array], [rows, columns]).status).toBe(0)
      // The loss is a square, whose central difference is exact up to 2⁻⁵²/step.
      const step = 0.5
      const loss = (at: number, target: number): number => (at - target) ** 2 / columns
      const expected = Float64Array.from(p.array, (value, i) => {
        const target = t.array[i]!
        return (dLoss.array[Math.floor(i / columns)]! * (loss(value + step, target) - loss(value - step, target))) / (2 * step)
      })
      // Three roundings of float32: factor, difference, product.
      const { excess } = worstExcess(dp.array, expected, (i) => 3.01 * unitRoundoff * Math.abs(expected[i]!) + 1e-14)
      expect(excess, `${columns} columns`).toBeLessThanOrEqual(0)
      const same = new Float32Array(rows * columns)
      portable.call('squaredErrorBackward', [same, dLoss.array, p.array, t.array], [rows, columns])
      expectSameBits(dp.array, same)
      for (const operand of [p, t, dLoss, dp]) operand.intact()
    }
  })

  it('gives the same bits on any threads', () => {
    const random = testRandom(102)
    const [rows, columns] = [5000, 9]
    const operands = [random.array(rows), random.array(rows * columns), random.array(rows * columns)]
    const [one, two] = [new Float32Array(rows * columns), new Float32Array(rows * columns)]
    backend.call('squaredErrorBackward', [one, ...operands], [rows, columns], [], 1)
    backend.call('squaredErrorBackward', [two, ...operands], [rows, columns], [], 2)
    expectSameBits(two, one)
  })
})
