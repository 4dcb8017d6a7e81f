import { describe, expect, it } from 'vitest'
import { noneIgnored } from '../../lib/kernels/labels.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { crossEntropyReference, softmaxReference } from '../reference/softmax-cross-entropy.js'

type Backend = (typeof kernelBackends)[number]

/** Rows of probabilities, some of them 0. */
function probabilities(random: ReturnType<typeof testRandom>, rows: number, classes: number): Float32Array {
  const target = new Float32Array(rows * classes)
  for (let row = 0; row < rows; row++) {
    const of = target.subarray(row * classes, (row + 1) * classes)
    for (let c = 0; c < classes; c++) of[c] = random.uniform() < 0.3 ? 0 : random.uniform()
    of[random.integer(classes)] = 1
    const sum = of.reduce((total, value) => total + value, 0)
    for (let c = 0; c < classes; c++) of[c]! /= sum
  }
  return target
}

function run(backend: Backend, logits: Float32Array, target: Float32Array, dRowLoss: Float32Array, smoothing = 0, threads = 2) {
  const rows = dRowLoss.length
  const dims = [rows, logits.length / rows]
  const loss = guarded(Float32Array, rows, undefined, 3)
  const logSumExp = guarded(Float32Array, rows, undefined, 1)
  const dLogits = guarded(Float32Array, logits.length, undefined, 2)
  const forward = [loss.array, logSumExp.array, logits, target]
  expect(backend.call('softLabelCrossEntropyForward', forward, dims, [smoothing], threads).status).toBe(0)
  const backward = [dLogits.array, logSumExp.array, dRowLoss, logits, target]
  expect(backend.call('softLabelCrossEntropyBackward', backward, dims, [smoothing], threads).status).toBe(0)
  for (const operand of [loss, logSumExp, dLogits]) operand.intact()
  return { loss: loss.array, dLogits: dLogits.array }
}

describe.each(kernelBackends)('softLabelCrossEntropy on $name', (backend) => {
  it.each([1, 2, 3, 8, 10, 17, 35, 1000])('is Σ t · −log p over %i classes, and its gradient p · Σt − t', (classes) => {
    const random = testRandom(151)
    for (const [scale, smoothing] of [
      [1, 0],
      [5, 0],
      [40, 0],
      [5, 0.2]
    ] as const) {
      const rows = 7
      const logits = guarded(Float32Array, rows * classes, random.array(rows * classes, scale), 1)
      const target = guarded(Float32Array, rows * classes, probabilities(random, rows, classes), 2)
      const dRowLoss = random.array(rows)
      const { loss, dLogits } = run(backend, logits.array, target.array, dRowLoss, smoothing)
      for (let row = 0; row < rows; row++) {
        const of = logits.array.subarray(row * classes, (row + 1) * classes)
        const t = Float64Array.from(
          target.array.subarray(row * classes, (row + 1) * classes),
          (value) => value * (1 - smoothing) + smoothing / classes
        )
        const total = t.reduce((sum, value) => sum + value, 0)
        const expected = t.reduce((sum, value, c) => sum + (value === 0 ? 0 : value * crossEntropyReference(of, c)), 0)
        // As the hard loss: exponents round to |l − max|·u, exp errs by 4 u, the result rounds.
        const max = Math.max(...of)
        const softmax = softmaxReference(of)
        const spread = softmax.reduce((sum, p, c) => sum + (of[c] === max ? 0 : p * (max - of[c]! + 5)), 0)
        expect(Math.abs(loss[row]! - expected), `row ${row}`).toBeLessThanOrEqual(
          unitRoundoff * (1.02 * expected + total * spread) + 2 ** -149
        )
        for (let c = 0; c < classes; c++) {
          const slope = softmax[c]! * total - t[c]!
          const exponent = max - of[c]! + crossEntropyReference(of, of.indexOf(max))
          const bound =
            Math.abs(dRowLoss[row]!) * unitRoundoff * (softmax[c]! * total * (2 * exponent + spread + 14) + 4 * t[c]! + 2 * Math.abs(slope))
          expect(Math.abs(dLogits[row * classes + c]! - dRowLoss[row]! * slope), `row ${row}, class ${c}`).toBeLessThanOrEqual(
            bound + 2 ** -148
          )
        }
      }
      for (const operand of [logits, target]) operand.intact()
    }
  })

  it('of one class alone is the loss of its number, to the last digits of a confident prediction', () => {
    const random = testRandom(152)
    const [rows, classes] = [40, 10]
    const logits = random.array(rows * classes, 8)
    const labels = Int32Array.from({ length: rows }, () => random.integer(classes))
    for (let row = 0; row < rows; row += 2) logits[row * classes + labels[row]!] = 30
    const target = new Float32Array(rows * classes)
    for (const [row, label] of labels.entries()) target[row * classes + label] = 1
    const ones = new Float32Array(rows).fill(1)
    const soft = run(backend, logits, target, ones)
    const hard = { loss: new Float32Array(rows), dLogits: new Float32Array(rows * classes), logSumExp: new Float32Array(rows) }
    backend.call('softmaxCrossEntropyForward', [hard.loss, hard.logSumExp, logits, labels], [rows, classes], [0, noneIgnored])
    backend.call('softmaxCrossEntropyBackward', [hard.dLogits, hard.logSumExp, ones, logits, labels], [rows, classes], [0, noneIgnored])
    for (let i = 0; i < rows; i++) expect(Math.abs(soft.loss[i]! - hard.loss[i]!)).toBeLessThanOrEqual(2 * unitRoundoff * hard.loss[i]!)
    for (let i = 0; i < rows * classes; i++)
      expect(Math.abs(soft.dLogits[i]! - hard.dLogits[i]!)).toBeLessThanOrEqual(4 * unitRoundoff * Math.abs(hard.dLogits[i]!))
  })

  it('leaves a class of probability 0 out, though its logit be −∞', () => {
    const { loss, dLogits } = run(
      backend,
      Float32Array.of(1, Number.NEGATIVE_INFINITY, 1),
      Float32Array.of(0.5, 0, 0.5),
      Float32Array.of(1)
    )
    expect(Math.abs(loss[0]! - Math.log(2))).toBeLessThan(2 * unitRoundoff)
    for (const d of dLogits) expect(Math.abs(d)).toBeLessThan(unitRoundoff)
    expect(Math.abs(dLogits[1]!)).toBe(0)
    expect(run(backend, Float32Array.of(1, Number.NaN), Float32Array.of(0.5, 0.5), Float32Array.of(1)).loss[0]).toBeNaN()
  })

  it('gives the same bits on any threads', () => {
    const random = testRandom(153)
    const [rows, classes] = [3000, 10]
    const logits = random.array(rows * classes, 5)
    const target = probabilities(random, rows, classes)
    const dRowLoss = random.array(rows)
    const [one, two] = [run(backend, logits, target, dRowLoss, 0.1, 1), run(backend, logits, target, dRowLoss, 0.1, 2)]
    expectSameBits(two.loss, one.loss)
    expectSameBits(two.dLogits, one.dLogits)
  })
})
