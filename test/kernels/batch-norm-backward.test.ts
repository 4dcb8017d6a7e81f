import { describe, expect, it } from 'vitest'
import { Activation } from '../../lib/kernels/types.js'
import { type KernelBackend, kernelBackends } from '../helpers/backends.js'
import { unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { type BatchNormShape, channelIndices, referenceForward, referenceGradients, referenceStatistics } from '../reference/batch-norm.js'
import { batchNormShapes, count, expectSame, names } from './batch-norm-cases.js'

const [portable] = kernelBackends as [KernelBackend]
const activations = Object.entries(Activation)
const slope = 0.25
const epsilon = 1e-3

interface Case {
  shape: BatchNormShape
  dy: Float32Array
  x: Float32Array
  mean: Float32Array
  meanLow: Float32Array
  invStd: Float32Array
  gamma: Float32Array
  beta: Float32Array
  mask: Uint8Array | null
}

function makeCase(shape: BatchNormShape, seed: number, masked = false): Case {
  const random = testRandom(seed)
  const x = random.array(count(shape), 1.5, 0.7)
  const { mean, variance } = referenceStatistics(x, shape)
  const high = Float32Array.from(mean)
  return {
    shape,
    dy: random.array(count(shape)),
    x,
    mean: high,
    meanLow: Float32Array.from(mean, (value, c) => value - high[c]!),
    invStd: Float32Array.from(variance, (value) => 1 / Math.sqrt(value + epsilon)),
    gamma: random.array(shape[1], 0.5, 1),
    beta: random.array(shape[1], 0.5),
    mask: masked ? Uint8Array.from({ length: Math.ceil(count(shape) / 8) }, () => random.integer(256)) : null
  }
}

const threshold = (given: Case): number => (given.mask ? 16384 : 0)
const keep = (given: Case): number[] | null =>
  given.mask ? Array.from(given.x, (_, i) => ((given.mask![i >> 3]! >> (i & 7)) & 1 ? 65536 / (65536 - 16384) : 0)) : null

function reads(given: Case): (Float32Array | Uint8Array | null)[] {
  const offset = <T extends Float32Array>(array: T, by: number): Float32Array => guarded(Float32Array, array.length, array, by).array
  const { mask, dy, x, mean, meanLow, invStd, gamma, beta } = given
  return [mask, offset(dy, 1), offset(x, 2), offset(mean, 3), meanLow, offset(invStd, 1), offset(gamma, 2), offset(beta, 3)]
}

function backward(backend: KernelBackend, given: Case, activation: number, threads = 2): Record<'dx' | 'dGamma' | 'dBeta', Float32Array> {
  const dx = guarded(Float32Array, count(given.shape), undefined, 1)
  const dGamma = guarded(Float32Array, given.shape[1], undefined, 2)
  const dBeta = guarded(Float32Array, given.shape[1], undefined, 3)
  const operands = [dx.array, dGamma.array, dBeta.array, ...reads(given)]
  const scalars = [activation, slope, threshold(given)]
  expect(backend.call('batchNormBackward', operands, given.shape, scalars, threads).status).toBe(0)
  for (const operand of [dx, dGamma, dBeta]) operand.intact()
  return { dx: dx.array, dGamma: dGamma.array, dBeta: dBeta.array }
}

function apply(
  backend: KernelBackend,
  given: Case,
  activation: number,
  sums: [Float32Array, Float32Array],
  running: number,
  threads = 2
): Float32Array {
  const dx = guarded(Float32Array, count(given.shape), undefined, 2)
  const scalars = [activation, slope, threshold(given), running]
  expect(backend.call('batchNormBackwardApply', [dx.array, ...reads(given), ...sums], given.shape, scalars, threads).status).toBe(0)
  dx.intact()
  return dx.array
}

describe.each(kernelBackends)('batch-norm backward on $name', (backend) => {
  describe.each(activations)('%s', (_, activation) => {
    it.each(batchNormShapes.map((shape) => [names(shape), shape] as const))('%s', (_, shape) => {
      for (const masked of [false, true]) {
        const given = makeCase(shape, 51, masked)
        const { dx, dGamma, dBeta } = backward(backend, given, activation)
        const expected = referenceGradients(given.dy, given.x, shape, epsilon, {
          gamma: given.gamma,
          beta: given.beta,
          activation,
          slope,
          keep: keep(given)
        })
        // dz and x − mean carry at most 16 roundings of their own (sigmoid and tanh: 4 units each, squared), a block's
        // sums at most 300 (a channel's run on one lane of four, its rest and the tree), x̂ three more.
        const bound = (terms: number[]) => (c: number) => 320 * unitRoundoff * terms[c]! + 2 ** -140
        expect(worstExcess(dBeta, expected.dBeta, bound(expected.betaTerms)).excess).toBeLessThanOrEqual(0)
        expect(worstExcess(dGamma, expected.dGamma, bound(expected.gammaTerms)).excess).toBeLessThanOrEqual(0)
        const m = shape[0] * shape[2]
        const perElement = (i: number): number => {
          const c = Math.floor(i / shape[2]) % shape[1]
          const mean = (320 * (expected.betaTerms[c]! + Math.abs(expected.normalized[i]!) * expected.gammaTerms[c]!)) / m
          return unitRoundoff * Math.abs(expected.scale[c]!) * (mean + 32 * expected.dxTerms[i]!) + 2 ** -140
        }
        expect(worstExcess(dx, expected.dx, perElement).excess).toBeLessThanOrEqual(0)
      }
    })
  })

  it('is batchNormBackwardReduce, then batchNormBackwardApply, to the bit', () => {
    for (const shape of [...batchNormShapes, [1, 1, 600_000] as const]) {
      const given = makeCase(shape, 52, true)
      const { dx, dGamma, dBeta } = backward(backend, given, 1)
      const sums: [Float32Array, Float32Array] = [new Float32Array(shape[1]), new Float32Array(shape[1])]
      backend.call('batchNormBackwardReduce', [...sums, ...reads(given)], shape, [1, slope, threshold(given)])
      expectSame(sums[0], dGamma)
      expectSame(sums[1], dBeta)
      expectSame(apply(backend, given, 1, sums, 0), dx)
    }
  })

  it('batchNormBackwardApply has the bits of the portable twin, with batch and with running statistics', () => {
    for (const shape of batchNormShapes)
      for (const activation of [0, 1, 2])
        for (const running of [0, 1]) {
          const given = makeCase(shape, 53, activation === 1)
          const sums: [Float32Array, Float32Array] = [testRandom(1).array(shape[1]), testRandom(2).array(shape[1])]
          expectSame(apply(backend, given, activation, sums, running), apply(portable, given, activation, sums, running))
        }
  })

  it('with running statistics, dx = scale · dz', () => {
    const given = makeCase([300, 5, 1], 54)
    const nonsense = new Float32Array(5).fill(1e9)
    const dx = apply(backend, given, 0, [nonsense, nonsense], 1)
    expectSame(
      dx,
      given.dy.map((value, i) => value * Math.fround(given.gamma[i % 5]! * given.invStd[i % 5]!))
    )
  })

  it('writes in place of dy', () => {
    for (const shape of [
      [9, 21, 1],
      [300, 21, 1],
      [3, 5, 19]
    ] as const) {
      const given = makeCase(shape, 55)
      const expected = backward(backend, given, 1).dx
      const [, , ...rest] = reads(given)
      const sums = [new Float32Array(shape[1]), new Float32Array(shape[1])]
      backend.call('batchNormBackward', [given.dy, ...sums, null, given.dy, ...rest], shape, [1, slope, 0])
      expectSame(given.dy, expected)
    }
  })

  it.each(activations)('agrees with central differences in float64: %s', (_, activation) => {
    for (const shape of [
      [6, 3, 1],
      [2, 3, 7],
      [300, 2, 1]
    ] as const) {
      const given = makeCase(shape, 56, true)
      const loss = (x: ArrayLike<number>, gamma: ArrayLike<number>, beta: ArrayLike<number>): number =>
        referenceForward(x, shape, epsilon, { gamma, beta, activation, slope, keep: keep(given) }).reduce(
          (sum, y, i) => sum + y * given.dy[i]!,
          0
        )
      const differences = (of: 'x' | 'gamma' | 'beta', index: number): number => {
        const moved = (by: number): number => {
          const parts = { x: Float64Array.from(given.x), gamma: Float64Array.from(given.gamma), beta: Float64Array.from(given.beta) }
          parts[of][index]! += by
          return loss(parts.x, parts.gamma, parts.beta)
        }
        return (moved(1e-6) - moved(-1e-6)) / 2e-6
      }
      const { dx, dGamma, dBeta } = backward(backend, given, activation)
      // Float32 rounding above, truncation 1e-12 and cancellation 1e-16·|loss|/1e-6 of the differences.
      const tolerance = 1e-4
      for (let i = 0; i < count(shape); i += Math.ceil(count(shape) / 20))
        expect(Math.abs(dx[i]! - differences('x', i))).toBeLessThan(tolerance)
      for (let c = 0; c < shape[1]; c++) {
        expect(Math.abs(dGamma[c]! - differences('gamma', c))).toBeLessThan(tolerance)
        expect(Math.abs(dBeta[c]! - differences('beta', c))).toBeLessThan(tolerance)
      }
    }
  })

  it('sums products that overflow float32 in float64', () => {
    for (const shape of [
      [200, 3, 1],
      [3, 3, 90]
    ] as const) {
      const given = makeCase(shape, 57)
      given.x.set(testRandom(58).array(count(shape), 3e36))
      const { mean, variance } = referenceStatistics(given.x, shape)
      given.mean.set(mean)
      given.meanLow.set(mean.map((value, c) => value - given.mean[c]!))
      given.invStd.set(variance.map((value) => 1 / Math.sqrt(value)))
      given.dy.set(testRandom(59).array(count(shape), 100))
      const { dGamma } = backward(backend, given, 0)
      for (let c = 0; c < shape[1]; c++) {
        const terms = channelIndices(shape, c).map((i) => given.dy[i]! * (given.x[i]! - mean[c]!) * given.invStd[c]!)
        const sum = terms.reduce((a, b) => a + b, 0)
        const magnitude = terms.reduce((a, b) => a + Math.abs(b), 0)
        expect(Math.abs(dGamma[c]! - sum)).toBeLessThanOrEqual(320 * unitRoundoff * magnitude)
      }
    }
  })

  it('shows NaN in its own channel only', () => {
    for (const shape of [
      [400, 9, 1],
      [30, 9, 1],
      [3, 9, 50]
    ] as const) {
      const given = makeCase(shape, 60)
      const clean = backward(backend, given, 0)
      given.dy[(shape[1] + 4) * shape[2]] = Number.NaN
      const { dGamma, dBeta } = backward(backend, given, 0)
      expect([dGamma[4], dBeta[4]]).toEqual([Number.NaN, Number.NaN])
      for (const c of [0, 3, 5, 8]) expect([dGamma[c], dBeta[c]]).toEqual([clean.dGamma[c], clean.dBeta[c]])
    }
  })

  it('gives the same bits at 1 and 2 threads', () => {
    for (const shape of [
      [1300, 67, 1],
      [200, 700, 1],
      [40, 30, 49],
      [1, 1, 600_000]
    ] as const) {
      const given = makeCase(shape, 61)
      const [one, two] = [backward(backend, given, 1, 1), backward(backend, given, 1, 2)]
      for (const name of ['dx', 'dGamma', 'dBeta'] as const) expectSame(one[name], two[name])
    }
  })
})
