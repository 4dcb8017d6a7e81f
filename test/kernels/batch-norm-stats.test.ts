import { describe, expect, it } from 'vitest'
import { type KernelBackend, kernelBackends } from '../helpers/backends.js'
import { unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { type BatchNormShape, referenceStatistics } from '../reference/batch-norm.js'
import { batchNormShapes, count, names } from './batch-norm-cases.js'

/**
 * Bounds. A block's shifted float32 sums carry at most `chain` roundings: 24 for columns (difference, tree of eight,
 * 16 groups), 290 for a channel's runs (4096 values on 4 sums of 4 lanes, their tree, the tail). The shift is at most
 * 4 block deviations from the mean, so subtracting its square loses a factor of 16 at most and Σ|x − shift| is at
 * most 5·Σ|x − mean|-like. What is left is float64. An output is rounded once more.
 */
const chainOf = ([, , inner]: BatchNormShape): number => (inner === 1 ? 24 : 290)

function run(backend: KernelBackend, shape: BatchNormShape, x: Float32Array, epsilon: number, threads = 2): Record<string, Float32Array> {
  const outputs = ['mean', 'meanLow', 'variance', 'invStd'].map((name, index) => ({
    name,
    ...guarded(Float32Array, shape[1], undefined, index)
  }))
  const input = guarded(Float32Array, x.length, x, 3)
  const operands = [...outputs.map(({ array }) => array), input.array]
  expect(backend.call('batchNormStats', operands, shape, [epsilon], threads).status).toBe(0)
  for (const operand of [...outputs, input]) operand.intact()
  return Object.fromEntries(outputs.map(({ name, array }) => [name, array]))
}

function check(backend: KernelBackend, shape: BatchNormShape, x: Float32Array, epsilon = 1e-5): void {
  const { mean, meanLow, variance, invStd } = run(backend, shape, x, epsilon)
  const expected = referenceStatistics(x, shape)
  const relative = 16 * chainOf(shape) * unitRoundoff
  const joined = Array.from(mean!, (high, c) => high + meanLow![c]!)
  const meanBound = (c: number): number =>
    5 * chainOf(shape) * unitRoundoff * Math.sqrt(expected.variance[c]!) + 2 ** -47 * Math.abs(expected.mean[c]!) + 2 ** -149
  expect(worstExcess(joined, expected.mean, meanBound).excess).toBeLessThanOrEqual(0)
  expect(
    worstExcess(mean!, expected.mean, (c) => meanBound(c) + 2 * unitRoundoff * Math.abs(expected.mean[c]!)).excess
  ).toBeLessThanOrEqual(0)
  const rounded = expected.variance.map(Math.fround)
  expect(worstExcess(variance!, rounded, (c) => (relative + unitRoundoff) * expected.variance[c]! + 2 ** -149).excess).toBeLessThanOrEqual(
    0
  )
  const inverse = expected.variance.map((value) => Math.fround(1 / Math.sqrt(value + epsilon)))
  expect(worstExcess(invStd!, inverse, (c) => (relative + 2 * unitRoundoff) * inverse[c]!).excess).toBeLessThanOrEqual(0)
}

describe.each(kernelBackends)('batchNormStats on $name', (backend) => {
  it.each(batchNormShapes.map((shape) => [names(shape), shape] as const))('%s', (_, shape) => {
    const random = testRandom(21)
    check(backend, shape, random.array(count(shape), 2, 0.5))
  })

  it.each([
    [1300, 6, 1],
    [4, 6, 700]
  ] as const)('keeps a deviation of 0.01 at a mean of 3000 over [%i, %i, %i]', (...shape) => {
    check(backend, shape, testRandom(22).array(count(shape), 0.01, 3000))
  })

  it.each([
    [300, 6, 1],
    [4, 6, 700]
  ] as const)('takes ±1e18 and values whose squares overflow float32 over [%i, %i, %i]', (...shape) => {
    const random = testRandom(23)
    check(backend, shape, random.array(count(shape), 1e18))
    check(backend, shape, random.array(count(shape), 3e37))
    const signs = Float32Array.from({ length: count(shape) }, () => (random.uniform() < 0.5 ? -3e38 : 3e38))
    check(backend, shape, signs)
  })

  it.each([
    [500, 4, 1],
    [3, 4, 5000]
  ] as const)('is not misled by a block that starts far from its mean over [%i, %i, %i]', (...shape) => {
    const [, channels, inner] = shape
    const x = testRandom(24).array(count(shape), 1e-3, 1)
    for (let i = 0; i < x.length; i++) {
      const value = Math.floor(i / (channels * inner)) * inner + (i % inner)
      if (value % (128 * 5) < 9) x[i]! += 1000
    }
    check(backend, shape, x)
  })

  it('finds no deviation in a constant, to the bit', () => {
    for (const shape of [
      [777, 5, 1],
      [9, 5, 801]
    ] as const) {
      const { mean, meanLow, variance, invStd } = run(backend, shape, new Float32Array(count(shape)).fill(0.1), 1e-5)
      for (let c = 0; c < 5; c++) expect([mean![c], meanLow![c], variance![c]]).toEqual([Math.fround(0.1), 0, 0])
      expect(invStd![0]).toBe(Math.fround(1 / Math.sqrt(1e-5)))
    }
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('shows %d in its own channel only', (special) => {
    for (const shape of [
      [400, 9, 1],
      [30, 9, 1],
      [3, 9, 50]
    ] as const) {
      const x = testRandom(25).array(count(shape))
      const clean = run(backend, shape, x, 1e-5)
      x[(shape[1] + 4) * shape[2]] = special
      const { mean, variance, invStd } = run(backend, shape, x, 1e-5)
      expect(Number.isFinite(mean![4])).toBe(false)
      expect(variance![4]).toBeNaN()
      expect(invStd![4]).toBeNaN()
      for (const c of [0, 3, 5, 8]) expect([mean![c], invStd![c]]).toEqual([clean.mean![c], clean.invStd![c]])
    }
  })

  it('gives the same bits at 1 and 2 threads', () => {
    for (const shape of [
      [1300, 67, 1],
      [200, 700, 1],
      [40, 30, 49],
      [1, 1, 600_000]
    ] as const) {
      const x = testRandom(26).array(count(shape))
      expect(run(backend, shape, x, 1e-5, 1)).toEqual(run(backend, shape, x, 1e-5, 2))
    }
  })
})
