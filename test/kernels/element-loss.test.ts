import { describe, expect, it } from 'vitest'
import { ElementLoss, type ElementLossName } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { elementLossReference, elementSlopeReference } from '../reference/element-loss.js'

type Backend = (typeof kernelBackends)[number]

const portable = kernelBackends[0]!

const cases: readonly (readonly [ElementLossName, number])[] = [
  ['absolute', 0],
  ['huber', 1],
  ['huber', 0.25],
  ['binaryCrossEntropy', 1],
  ['binaryCrossEntropy', 3.5],
  ['binaryCrossEntropy', 0]
]

function targets(random: ReturnType<typeof testRandom>, loss: ElementLossName, length: number): Float32Array {
  if (loss !== 'binaryCrossEntropy') return random.array(length)
  return Float32Array.from({ length }, () => [0, 1, random.uniform()][random.integer(3)]!)
}

function forward(backend: Backend, [loss, parameter]: readonly [ElementLossName, number], p: Float32Array, t: Float32Array, rows = 1) {
  const rowLoss = guarded(Float32Array, rows, undefined, 3)
  const dims = [rows, p.length / rows]
  expect(backend.call('elementLossForward', [rowLoss.array, p, t], dims, [ElementLoss[loss], parameter]).status).toBe(0)
  rowLoss.intact()
  return rowLoss.array
}

function backward(
  backend: Backend,
  [loss, parameter]: readonly [ElementLossName, number],
  dRowLoss: Float32Array,
  p: Float32Array,
  t: Float32Array,
  threads = 2
) {
  const dPrediction = guarded(Float32Array, p.length, undefined, 1)
  const dims = [dRowLoss.length, p.length / dRowLoss.length]
  const scalars = [ElementLoss[loss], parameter]
  expect(backend.call('elementLossBackward', [dPrediction.array, dRowLoss, p, t], dims, scalars, threads).status).toBe(0)
  dPrediction.intact()
  return dPrediction.array
}

describe.each(kernelBackends)('elementLoss on $name', (backend) => {
  describe.each(cases)('%s with %d', (loss, parameter) => {
    const which = [loss, parameter] as const
    const exact = loss !== 'binaryCrossEntropy'

    it('means over rows of any length, and its gradient', () => {
      const random = testRandom(161)
      for (const columns of [...lengths.slice(1), 20_001]) {
        const rows = 3
        const p = guarded(Float32Array, rows * columns, random.array(rows * columns, 3), 1)
        const t = guarded(Float32Array, rows * columns, targets(random, loss, rows * columns), 2)
        p.array[0] = t.array[0]!
        const dRowLoss = random.array(rows)
        const rowLoss = forward(backend, which, p.array, t.array, rows)
        const dPrediction = backward(backend, which, dRowLoss, p.array, t.array)
        for (let row = 0; row < rows; row++) {
          let expected = 0
          for (let i = row * columns; i < (row + 1) * columns; i++)
            expected += elementLossReference[loss](p.array[i]!, t.array[i]!, parameter) / columns
          // Of the logits' loss each term errs by exp's 4 u and log1p's 6 u; the others are exact; the mean rounds.
          expect(Math.abs(rowLoss[row]! - expected), `${columns} columns`).toBeLessThanOrEqual(
            (exact ? 1.01 : 12) * unitRoundoff * expected
          )
          let worst = Number.NEGATIVE_INFINITY
          for (let i = row * columns; i < (row + 1) * columns; i++) {
            const slope = elementSlopeReference[loss](p.array[i]!, t.array[i]!, parameter)
            const terms = exact ? Math.abs(slope) + Math.abs(p.array[i]!) * 2 ** -20 : 1 + parameter
            const bound = (Math.abs(dRowLoss[row]!) / columns) * unitRoundoff * (exact ? 4 : 12) * terms
            worst = Math.max(worst, Math.abs(dPrediction[i]! - (dRowLoss[row]! * slope) / columns) - bound)
          }
          expect(worst, `${columns} columns`).toBeLessThanOrEqual(0)
        }
        if (exact) {
          expectSameBits(rowLoss, forward(portable, which, p.array, t.array, rows))
          expectSameBits(dPrediction, backward(portable, which, dRowLoss, p.array, t.array))
        }
        for (const operand of [p, t]) operand.intact()
      }
    })

    it('agrees with central differences', () => {
      const random = testRandom(162)
      const p = random.array(20, 2)
      const t = targets(random, loss, 20)
      const dPrediction = backward(backend, which, Float32Array.of(1), p, t)
      for (const [i, z] of p.entries()) {
        const step = 1e-5
        const slope =
          (elementLossReference[loss](z + step, t[i]!, parameter) - elementLossReference[loss](z - step, t[i]!, parameter)) / (2 * step)
        expect(Math.abs(dPrediction[i]! * 20 - slope)).toBeLessThan(1e-6 * (1 + Math.abs(slope)) + 1e-5 * parameter)
      }
    })

    it('keeps NaN, and gives the same bits on any threads', () => {
      expect(forward(backend, which, Float32Array.of(1, Number.NaN, 2), Float32Array.of(0, 1, 0))[0]).toBeNaN()
      const random = testRandom(163)
      const [p, t, dRowLoss] = [random.array(45_000), targets(random, loss, 45_000), random.array(5000)]
      expectSameBits(backward(backend, which, dRowLoss, p, t, 2), backward(backend, which, dRowLoss, p, t, 1))
    })
  })

  it('takes logits of any size', () => {
    const loss = (z: number, t: number): number => forward(backend, ['binaryCrossEntropy', 1], Float32Array.of(z), Float32Array.of(t))[0]!
    const slope = (z: number, t: number): number =>
      backward(backend, ['binaryCrossEntropy', 1], Float32Array.of(1), Float32Array.of(z), Float32Array.of(t))[0]!
    expect([loss(1e30, 1), loss(-1e30, 0), loss(1e30, 0), loss(-1e30, 1)]).toEqual([0, 0, Math.fround(1e30), Math.fround(1e30)])
    expect([loss(Number.POSITIVE_INFINITY, 1), loss(Number.NEGATIVE_INFINITY, 0)]).toEqual([0, 0])
    expect([slope(1e30, 0), slope(-1e30, 1)]).toEqual([1, -1])
    expect([slope(1e30, 1), slope(-1e30, 0)].map(Math.abs)).toEqual([0, 0])
    // A confident prediction keeps its digits.
    expect(Math.abs(loss(30, 1) / Math.exp(-30) - 1)).toBeLessThan(1e-6)
    expect(Math.abs(slope(30, 1) / -Math.exp(-30) - 1)).toBeLessThan(1e-6)
  })

  it('has the gradient 0 where prediction and target are equal, and no more than delta beyond', () => {
    const p = Float32Array.of(1, 2, -3, 4)
    const t = Float32Array.of(1, 0, 0, 4)
    const ones = Float32Array.of(4)
    expect([...backward(backend, ['absolute', 0], ones, p, t)].map((d) => d + 0)).toEqual([0, 1, -1, 0])
    expect([...backward(backend, ['huber', 1.5], ones, p, t)].map((d) => d + 0)).toEqual([0, 1.5, -1.5, 0])
  })
})
