import { describe, expect, it } from 'vitest'
import { noneIgnored } from '../../lib/kernels/labels.js'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { crossEntropyReference } from '../reference/softmax-cross-entropy.js'

/** No smoothing, no label ignored. */
const plain = [0, noneIgnored]

type Backend = (typeof kernelBackends)[number]

function lossOf(backend: Backend, logits: Float32Array, label: number): number {
  const loss = new Float32Array(1)
  expect(
    backend.call('softmaxCrossEntropyForward', [loss, new Float32Array(1), logits, Int32Array.of(label)], [1, logits.length], plain).status
  ).toBe(0)
  return loss[0]!
}

/**
 * loss = log1p(S) + (max − l_label), S = Σ exp(l − max) without one of the largest. Each exponent is rounded (|l − max|·u
 * of the term) and its exp errs by 2 ulp (4u); log1p is no steeper than 1/(1 + S); the result is rounded to float32.
 */
function lossBound(logits: Float32Array, loss: number): number {
  const max = Math.max(...logits)
  let weighted = 0
  let total = 0
  for (const logit of logits) {
    weighted += logit === max ? 0 : Math.exp(logit - max) * (Math.abs(logit - max) + 5)
    total += Math.exp(logit - max)
  }
  return unitRoundoff * (weighted / total + 1.01 * loss) + 2 ** -149
}

describe.each(kernelBackends)('softmaxCrossEntropyForward on $name', (backend) => {
  it.each([1, 2, 3, 7, 8, 9, 10, 16, 17, 35, 1000])('is the negative log-likelihood over %i classes', (classes) => {
    const random = testRandom(111)
    for (const scale of [0.1, 3, 40]) {
      const rows = 21
      const logits = guarded(Float32Array, rows * classes, random.array(rows * classes, scale), 1)
      const labels = guarded(
        Int32Array,
        rows,
        Int32Array.from({ length: rows }, () => random.integer(classes)),
        2
      )
      const loss = guarded(Float32Array, rows, undefined, 3)
      const logSumExp = guarded(Float32Array, rows, undefined, 1)
      const operands = [loss.array, logSumExp.array, logits.array, labels.array]
      expect(backend.call('softmaxCrossEntropyForward', operands, [rows, classes], plain).status).toBe(0)
      for (let row = 0; row < rows; row++) {
        const of = logits.array.subarray(row * classes, (row + 1) * classes)
        const expected = crossEntropyReference(of, labels.array[row]!)
        expect(Math.abs(loss.array[row]! - expected), `row ${row}, loss ${expected}`).toBeLessThanOrEqual(lossBound(of, expected))
        expect(loss.array[row]).toBeGreaterThanOrEqual(0)
        const shifted = crossEntropyReference(of, of.indexOf(Math.max(...of)))
        expect(Math.abs(logSumExp.array[row]! - shifted)).toBeLessThanOrEqual(lossBound(of, shifted))
      }
      for (const operand of [logits, labels, loss, logSumExp]) operand.intact()
    }
  })

  it('keeps every digit of a confident prediction: the loss is tiny, never 0, never negative', () => {
    for (const margin of [5, 10, 20, 40, 80, 87, 100]) {
      for (const classes of [2, 10, 100]) {
        const logits = new Float32Array(classes).fill(-margin)
        logits[classes - 1] = 0
        const expected = (classes - 1) * Math.exp(-margin)
        const loss = lossOf(backend, logits, classes - 1)
        expect(loss).toBeGreaterThan(0)
        expect(Math.abs(loss - Math.log1p(expected))).toBeLessThanOrEqual(
          lossBound(logits, Math.log1p(expected)) + expected * 2 ** -23 + classes * 2 ** -149
        )
      }
    }
  })

  it('takes huge and equal logits', () => {
    expect(lossOf(backend, Float32Array.of(1e30, -1e30), 0)).toBe(0)
    expect(lossOf(backend, Float32Array.of(1e30, -1e30), 1)).toBe(Math.fround(Math.fround(1e30) * 2))
    for (const value of [0, 1e30, -1e30, 5])
      for (const classes of [1, 2, 10, 1000])
        expect(lossOf(backend, new Float32Array(classes).fill(value), classes >> 1)).toBe(Math.fround(Math.log(classes)))
    expect(lossOf(backend, Float32Array.of(3, Number.NEGATIVE_INFINITY), 0)).toBe(0)
    expect(lossOf(backend, Float32Array.of(3, Number.NEGATIVE_INFINITY), 1)).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([2, 5, 8, 10, 33])(
    'answers NaN for a row of %i classes with a NaN or +Inf, wherever it stands, and for that row only',
    (classes) => {
      for (let at = 0; at < classes; at++) {
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const logits = testRandom(112).array(3 * classes)
          logits[classes + at] = value
          const loss = new Float32Array(3)
          backend.call('softmaxCrossEntropyForward', [loss, new Float32Array(3), logits, Int32Array.of(0, at, 1)], [3, classes], plain)
          expect(Number.isFinite(loss[0]) && Number.isFinite(loss[2])).toBe(true)
          expect(loss[1], `class ${at}`).toBe(Number.NaN)
        }
      }
    }
  )

  it.each([-1, 10, 2147483647, -2147483648])('refuses label %i before it writes, naming the row', (bad) => {
    const labels = Int32Array.from({ length: 40 }, (_, row) => (row === 23 || row === 30 ? bad : row % 10))
    const loss = new Float32Array(40).fill(7)
    const answer = backend.call('softmaxCrossEntropyForward', [loss, new Float32Array(40), new Float32Array(400), labels], [40, 10], plain)
    expect(answer).toEqual({ status: Status.labelOutOfRange, detail: 23 })
    expect(loss).toEqual(new Float32Array(40).fill(7))
    expect(backend.call('softmaxCrossEntropyForward', [loss, loss, new Float32Array(0), labels], [40, 0], plain).status).toBe(
      Status.labelOutOfRange
    )
    expect(backend.call('softmaxCrossEntropyForward', [loss, loss, new Float32Array(0), labels], [0, 10], plain).status).toBe(Status.ok)
  })

  it('gives the same bits on any threads and at any row', () => {
    const random = testRandom(113)
    const [rows, classes] = [3000, 10]
    const logits = random.array(rows * classes, 5)
    const labels = Int32Array.from({ length: rows }, () => random.integer(classes))
    const run = (x: Float32Array, y: Int32Array, threads: number): Float32Array => {
      const loss = new Float32Array(y.length)
      backend.call('softmaxCrossEntropyForward', [loss, new Float32Array(y.length), x, y], [y.length, classes], plain, threads)
      return loss
    }
    const one = run(logits, labels, 1)
    expectSameBits(run(logits, labels, 2), one)
    expectSameBits(run(logits.slice(7 * classes), labels.slice(7), 2), one.slice(7))
  })

  it.each([1, 2, 10, 17, 300])('mixes the labels of %i classes with all of them', (classes) => {
    const random = testRandom(114)
    for (const smoothing of [0.1, 0.5, 1]) {
      const rows = 9
      const logits = guarded(Float32Array, rows * classes, random.array(rows * classes, 4), 1)
      const labels = Int32Array.from({ length: rows }, () => random.integer(classes))
      const loss = guarded(Float32Array, rows, undefined, 3)
      const operands = [loss.array, new Float32Array(rows), logits.array, labels]
      expect(backend.call('softmaxCrossEntropyForward', operands, [rows, classes], [smoothing, noneIgnored]).status).toBe(0)
      for (let row = 0; row < rows; row++) {
        const of = logits.array.subarray(row * classes, (row + 1) * classes)
        const each = Array.from(of, (_, c) => crossEntropyReference(of, c))
        const expected = (1 - smoothing) * each[labels[row]!]! + (smoothing * each.reduce((sum, value) => sum + value, 0)) / classes
        expect(Math.abs(loss.array[row]! - expected)).toBeLessThanOrEqual(lossBound(of, expected))
      }
      for (const operand of [logits, loss]) operand.intact()
    }
  })

  it.each([-100, 3, 255, -2147483648, 2147483647])('gives a row of the label %i that is ignored no loss, whatever it holds', (ignored) => {
    const logits = testRandom(115).array(20)
    logits[7] = Number.NaN
    const labels = Int32Array.of(1, ignored, 4, ignored)
    const [loss, logSumExp] = [new Float32Array(4).fill(7), new Float32Array(4).fill(7)]
    expect(backend.call('softmaxCrossEntropyForward', [loss, logSumExp, logits, labels], [4, 5], [0, ignored]).status).toBe(0)
    expect([loss[1], loss[3], logSumExp[1], logSumExp[3]]).toEqual([0, 0, 0, 0])
    expect(loss[0]).toBe(lossOf(backend, logits.slice(0, 5), 1))
    expect(loss[2]).toBe(lossOf(backend, logits.slice(10, 15), 4))
    const bad = Int32Array.of(1, ignored, 5)
    expect(backend.call('softmaxCrossEntropyForward', [loss, logSumExp, logits, bad], [3, 5], [0, ignored])).toEqual({
      status: Status.labelOutOfRange,
      detail: 2
    })
  })
})
