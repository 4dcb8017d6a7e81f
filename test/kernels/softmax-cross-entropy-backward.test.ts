import { describe, expect, it } from 'vitest'
import { noneIgnored } from '../../lib/kernels/labels.js'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { crossEntropyReference, crossEntropySlopeReference, softmaxReference } from '../reference/softmax-cross-entropy.js'

/** No smoothing, no label ignored. */
const plain = [0, noneIgnored]

type Backend = (typeof kernelBackends)[number]

/** Forward, then backward, as a step does. */
function gradient(
  backend: Backend,
  logits: Float32Array,
  labels: Int32Array,
  dRowLoss: Float32Array,
  threads = 2,
  scalars = plain
): Float32Array {
  const rows = labels.length
  const logSumExp = new Float32Array(rows)
  const dims = [rows, logits.length / rows]
  expect(backend.call('softmaxCrossEntropyForward', [new Float32Array(rows), logSumExp, logits, labels], dims, scalars).status).toBe(0)
  const dLogits = guarded(Float32Array, logits.length, undefined, 3)
  expect(
    backend.call('softmaxCrossEntropyBackward', [dLogits.array, logSumExp, dRowLoss, logits, labels], dims, scalars, threads).status
  ).toBe(0)
  dLogits.intact()
  return dLogits.array
}

describe.each(kernelBackends)('softmaxCrossEntropyBackward on $name', (backend) => {
  it.each([1, 2, 3, 7, 8, 9, 10, 16, 17, 35, 1000])('is softmax less the label over %i classes', (classes) => {
    const random = testRandom(121)
    for (const scale of [0.1, 3, 40]) {
      const rows = 7
      const logits = guarded(Float32Array, rows * classes, random.array(rows * classes, scale), 1).array
      const labels = Int32Array.from({ length: rows }, () => random.integer(classes))
      const dRowLoss = random.array(rows)
      const actual = gradient(backend, logits, labels, dRowLoss)
      for (let row = 0; row < rows; row++) {
        const of = logits.subarray(row * classes, (row + 1) * classes)
        const max = Math.max(...of)
        const softmax = softmaxReference(of)
        const logSum = crossEntropyReference(of, of.indexOf(max))
        for (let c = 0; c < classes; c++) {
          const isLabel = c === labels[row]
          const expected = dRowLoss[row]! * (isLabel ? Math.expm1(-crossEntropyReference(of, c)) : softmax[c]!)
          // The exponent is rounded twice, and holds a logSumExp that errs by u·(2·|l − max| + 6); exp errs by 2 ulp; either may be denormal.
          const exponent = Math.abs(of[c]! - max) + logSum
          const spread = of.reduce((sum, logit, i) => sum + softmax[i]! * Math.abs(logit - max), 0)
          const bound =
            unitRoundoff * Math.abs(dRowLoss[row]!) * (softmax[c]! * (2 * exponent + spread + 12) + (isLabel ? 1 : 0)) +
            (1 + Math.abs(dRowLoss[row]!)) * 2 ** -149
          expect(Math.abs(actual[row * classes + c]! - expected), `row ${row}, class ${c}`).toBeLessThanOrEqual(bound)
        }
      }
    }
  })

  it('agrees with central differences of the loss', () => {
    const logits = testRandom(122).array(30, 2)
    const labels = Int32Array.of(3, 0, 9)
    const actual = gradient(backend, logits, labels, Float32Array.of(1, 1, 1))
    for (let row = 0; row < 3; row++) {
      const expected = crossEntropySlopeReference(logits.subarray(row * 10, row * 10 + 10), labels[row]!)
      // step²·|f'''|/6 < 1e-8·0.1/6 + 2⁻⁵²·loss/step, and a dozen roundings of a value below 1.
      expected.forEach((value, c) => {
        expect(Math.abs(actual[row * 10 + c]! - value)).toBeLessThanOrEqual(1e-9 + 1e-11 + 20 * unitRoundoff * Math.abs(value))
      })
    }
  })

  it('takes huge and equal logits; keeps the digits of a confident prediction', () => {
    const one = Float32Array.of(1)
    for (const value of [0, 1e30, -1e30, 5000]) {
      const equal = gradient(backend, new Float32Array(10).fill(value), Int32Array.of(4), one)
      equal.forEach((d, c) => {
        expect(Math.abs(d - (c === 4 ? -0.9 : 0.1))).toBeLessThan(12 * unitRoundoff * 0.9)
      })
    }
    expect([...gradient(backend, Float32Array.of(1e30, -1e30), Int32Array.of(0), one)].map(Math.abs)).toEqual([0, 0])
    expect([...gradient(backend, Float32Array.of(1e30, -1e30), Int32Array.of(1), one)]).toEqual([1, -1])
    const confident = gradient(backend, Float32Array.of(0, -30), Int32Array.of(0), one)
    for (const d of confident) expect(Math.abs(Math.abs(d) / Math.exp(-30) - 1)).toBeLessThan(40 * unitRoundoff)
  })

  it('refuses labels outside before it writes', () => {
    for (const bad of [-1, 10, 2147483647, -2147483648]) {
      const labels = Int32Array.of(1, 2, bad, bad)
      const dLogits = new Float32Array(40).fill(7)
      const operands = [dLogits, new Float32Array(4), new Float32Array(4), new Float32Array(40), labels]
      expect(backend.call('softmaxCrossEntropyBackward', operands, [4, 10], plain)).toEqual({ status: Status.labelOutOfRange, detail: 2 })
      expect(dLogits).toEqual(new Float32Array(40).fill(7))
    }
  })

  it('gives the same bits on any threads', () => {
    const random = testRandom(123)
    const logits = random.array(30_000, 5)
    const labels = Int32Array.from({ length: 3000 }, () => random.integer(10))
    const dRowLoss = random.array(3000)
    expectSameBits(gradient(backend, logits, labels, dRowLoss, 2), gradient(backend, logits, labels, dRowLoss, 1))
  })

  it.each([1, 2, 10, 17, 300])('subtracts the smoothed target over %i classes', (classes) => {
    const random = testRandom(124)
    for (const smoothing of [0.1, 0.5, 1]) {
      const rows = 5
      const logits = random.array(rows * classes, 4)
      const labels = Int32Array.from({ length: rows }, () => random.integer(classes))
      const dRowLoss = random.array(rows)
      const actual = gradient(backend, logits, labels, dRowLoss, 2, [smoothing, noneIgnored])
      for (let row = 0; row < rows; row++) {
        const softmax = softmaxReference(logits.subarray(row * classes, (row + 1) * classes))
        for (let c = 0; c < classes; c++) {
          const target = smoothing / classes + (c === labels[row] ? 1 - smoothing : 0)
          // exp and its rounded exponent err by some 40 u of p; difference and product by one each.
          const bound = Math.abs(dRowLoss[row]!) * unitRoundoff * (60 * softmax[c]! + 3 * target)
          expect(Math.abs(actual[row * classes + c]! - dRowLoss[row]! * (softmax[c]! - target))).toBeLessThanOrEqual(bound + 2 ** -149)
        }
      }
    }
  })

  it('gives rows whose label is ignored zeros', () => {
    const logits = testRandom(125).array(20)
    logits[7] = Number.NaN
    const actual = gradient(backend, logits, Int32Array.of(1, -100, 4, -100), new Float32Array(4).fill(1), 2, [0, -100])
    expect([...actual.subarray(5, 10), ...actual.subarray(15)]).toEqual(new Array(10).fill(0))
    const alone = gradient(backend, logits.slice(10, 15), Int32Array.of(4), Float32Array.of(1))
    expectSameBits(actual.slice(10, 15), alone)
  })
})
