import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { weightedMeanReference } from '../reference/weighted-mean.js'

const portable = kernelBackends[0]!

function weightsOf(random: ReturnType<typeof testRandom>, rows: number): Float32Array {
  return Float32Array.from({ length: rows }, () => (random.uniform() < 0.2 ? 0 : random.uniform() * 3))
}

describe.each(kernelBackends)('weightedMeanForward on $name', (backend) => {
  it.each([false, true])('is the weighted mean, with the portable bits; a second weight: %s', (second) => {
    const random = testRandom(131)
    for (const rows of [...lengths, 20_001]) {
      const values = guarded(Float32Array, rows, random.array(rows), 1)
      const weight = guarded(Float32Array, rows, weightsOf(random, rows), 2)
      const factor = second ? guarded(Float32Array, rows, weightsOf(random, rows), 3) : undefined
      const [mean, total] = [guarded(Float32Array, 1, undefined, 1), guarded(Float32Array, 1, undefined, 3)]
      const operands = [mean.array, total.array, values.array, weight.array, factor?.array ?? null]
      expect(backend.call('weightedMeanForward', operands, [rows]).status).toBe(0)
      const products = weight.array.map((w, i) => w * (factor?.array[i] ?? 1))
      const expected = weightedMeanReference(values.array, products)
      // Sums of float64 over 20,001 terms and their quotient err by some 2⁻⁴⁰ of Σ|terms|; then one rounding.
      const spread = weightedMeanReference(values.array.map(Math.abs), products).mean
      expect(Math.abs(mean.array[0]! - expected.mean)).toBeLessThanOrEqual(unitRoundoff * Math.abs(expected.mean) + 2 ** -38 * spread)
      expect(Math.abs(total.array[0]! - expected.total)).toBeLessThanOrEqual(1.01 * unitRoundoff * expected.total)
      const [sameMean, sameTotal] = [new Float32Array(1), new Float32Array(1)]
      portable.call('weightedMeanForward', [sameMean, sameTotal, values.array, weight.array, factor?.array ?? null], [rows])
      expectSameBits(mean.array, sameMean)
      expectSameBits(total.array, sameTotal)
      for (const operand of [values, weight, mean, total, factor]) operand?.intact()
    }
  })

  it('leaves rows of weight 0 out, whatever they hold, and is 0 where all are', () => {
    const mean = (values: number[], weight: number[]): number[] => {
      const [out, total] = [new Float32Array(1).fill(7), new Float32Array(1).fill(7)]
      backend.call('weightedMeanForward', [out, total, Float32Array.from(values), Float32Array.from(weight), null], [values.length])
      return [out[0]!, total[0]!]
    }
    expect(mean([Number.NaN, 3, Number.POSITIVE_INFINITY, 5], [0, 1, 0, 3])).toEqual([4.5, 4])
    expect(mean([1, Number.NaN], [0, 0])).toEqual([0, 0])
    expect(mean([], [])).toEqual([0, 0])
    expect(mean([1, 2], [1, Number.NaN])[0]).toBeNaN()
    expect(mean([1, Number.NaN], [1, 1])[0]).toBeNaN()
    // Neither large nor denormal weights overflow on the way.
    expect(mean([2, 4], [3e38, 3e38])[0]).toBe(3)
    expect(mean([2, 4], [2 ** -149, 2 ** -149])[0]).toBe(3)
  })
})

describe.each(kernelBackends)('weightedMeanBackward on $name', (backend) => {
  it.each([false, true])('shares the gradient by weight, with the portable bits; a second weight: %s', (second) => {
    const random = testRandom(132)
    for (const rows of lengths) {
      const weight = guarded(Float32Array, rows, weightsOf(random, rows), 2)
      const factor = second ? guarded(Float32Array, rows, weightsOf(random, rows), 3) : undefined
      const products = weight.array.map((w, i) => w * (factor?.array[i] ?? 1))
      const total = Float32Array.of(weightedMeanReference(products, products).total)
      const dMean = random.array(1)
      const dValues = guarded(Float32Array, rows, undefined, 1)
      const operands = [dValues.array, dMean, total, weight.array, factor?.array ?? null]
      expect(backend.call('weightedMeanBackward', operands, [rows]).status).toBe(0)
      for (let row = 0; row < rows; row++) {
        const expected = total[0] === 0 ? 0 : (dMean[0]! * products[row]!) / total[0]!
        expect(Math.abs(dValues.array[row]! - expected)).toBeLessThanOrEqual(1.01 * unitRoundoff * Math.abs(expected))
      }
      const same = new Float32Array(rows)
      portable.call('weightedMeanBackward', [same, dMean, total, weight.array, factor?.array ?? null], [rows])
      expectSameBits(dValues.array, same)
      for (const operand of [weight, dValues, factor]) operand?.intact()
    }
  })

  it('is 0 where all weights are, and does not overflow for tiny ones', () => {
    const run = (total: number, weight: number[]): Float32Array => {
      const dValues = new Float32Array(weight.length).fill(7)
      backend.call(
        'weightedMeanBackward',
        [dValues, Float32Array.of(1), Float32Array.of(total), Float32Array.from(weight), null],
        [weight.length]
      )
      return dValues
    }
    expect([...run(0, [0, 0, 0])]).toEqual([0, 0, 0])
    expect([...run(2 ** -147, [2 ** -149, 2 ** -149, 2 ** -148])]).toEqual([0.25, 0.25, 0.5])
  })
})
