import { describe, expect, it } from 'vitest'
import { Activation } from '../../lib/kernels/types.js'
import { type KernelBackend, kernelBackends } from '../helpers/backends.js'
import { unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { type BatchNormShape, referenceNormalize } from '../reference/batch-norm.js'
import { batchNormShapes, count, expectSame, names, noDropout } from './batch-norm-cases.js'

const [portable] = kernelBackends as [KernelBackend]
const activations = Object.entries(Activation)

interface Inputs {
  x: Float32Array
  mean: Float32Array
  meanLow: Float32Array | null
  invStd: Float32Array
  gamma: Float32Array | null
  beta: Float32Array | null
}

function inputs(shape: BatchNormShape, seed: number): Inputs {
  const random = testRandom(seed)
  const channels = shape[1]
  return {
    x: random.array(count(shape), 2, 1),
    mean: random.array(channels),
    meanLow: random.array(channels, 1e-8),
    invStd: random.array(channels).map(Math.abs),
    gamma: random.array(channels),
    beta: random.array(channels)
  }
}

function apply(backend: KernelBackend, shape: BatchNormShape, given: Inputs, activation = 0, slope = 0, threads = 2): Float32Array {
  const y = guarded(Float32Array, count(shape), undefined, 2)
  const read = [given.x, given.mean, given.meanLow, given.invStd, given.gamma, given.beta].map((array, index) =>
    array ? guarded(Float32Array, array.length, array, index) : null
  )
  const operands = [y.array, null, ...read.map((operand) => operand?.array ?? null)]
  expect(backend.call('batchNormApply', operands, shape, [activation, slope, ...noDropout], threads).status).toBe(0)
  for (const operand of [y, ...read]) operand?.intact()
  return y.array
}

describe.each(kernelBackends)('batchNormApply on $name', (backend) => {
  describe.each(activations)('%s', (name, activation) => {
    it.each(batchNormShapes.map((shape) => [names(shape), shape] as const))('%s', (_, shape) => {
      const given = inputs(shape, 31)
      const y = apply(backend, shape, given, activation, 0.2)
      // x − mean, − meanLow, · scale (itself rounded), + beta: five roundings. The slope of every activation is at most
      // 1, its own error at most 4 units of its result.
      const joined = given.mean.length > 0 ? Array.from(given.mean, (high, c) => high + given.meanLow![c]!) : []
      const terms = referenceNormalize(given.x, shape, joined, given.invStd, { gamma: given.gamma })
      const expected = referenceNormalize(given.x, shape, joined, given.invStd, {
        gamma: given.gamma,
        beta: given.beta,
        activation,
        slope: Math.fround(0.2)
      })
      const channel = (i: number): number => Math.floor(i / shape[2]) % shape[1]
      const bound = (i: number): number =>
        unitRoundoff * (5 * Math.abs(terms[i]!) + 2 * Math.abs(given.beta![channel(i)]!) + 8 * Math.abs(expected[i]!)) + 2 ** -149
      expect(worstExcess(y, expected, bound).excess).toBeLessThanOrEqual(0)
      if (name !== 'sigmoid' && name !== 'tanh') expectSame(y, apply(portable, shape, given, activation, 0.2))
    })
  })

  it('takes an absent meanLow and beta as 0, an absent gamma as 1, to the bit', () => {
    for (const shape of [
      [9, 21, 1],
      [300, 21, 1],
      [3, 5, 19]
    ] as const) {
      const given = inputs(shape, 32)
      const absent = { ...given, meanLow: null, gamma: null, beta: null }
      const zeros = new Float32Array(shape[1])
      const neutral = { ...given, meanLow: zeros, gamma: zeros.map(() => 1), beta: zeros }
      expectSame(apply(backend, shape, absent, 1), apply(backend, shape, neutral, 1))
    }
  })

  it('writes in place', () => {
    for (const shape of [
      [9, 21, 1],
      [300, 21, 1],
      [3, 5, 19]
    ] as const) {
      const given = inputs(shape, 33)
      const expected = apply(backend, shape, given, 1)
      const { x, mean, meanLow, invStd, gamma, beta } = given
      backend.call('batchNormApply', [x, null, x, mean, meanLow, invStd, gamma, beta], shape, [1, 0, ...noDropout])
      expectSame(x, expected)
    }
  })

  it('passes NaN, infinities, denormals and signed zeros as the portable twin does', () => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, -1e-45, 0, -0, 3e38, -3e38, 1, -1]
    for (const shape of [
      [44, 7, 1],
      [11, 3, 14]
    ] as const) {
      const given = inputs(shape, 34)
      given.x.set(given.x.map((_, i) => special[i % special.length]!))
      given.mean.fill(0)
      for (const activation of [0, 1, 2])
        expectSame(apply(backend, shape, given, activation, 0.1), apply(portable, shape, given, activation, 0.1))
    }
  })

  it('gives the same bits at 1 and 2 threads', () => {
    for (const shape of [
      [1300, 67, 1],
      [200, 700, 1],
      [40, 30, 49],
      [1, 1, 600_000]
    ] as const) {
      const given = inputs(shape, 35)
      expectSame(apply(backend, shape, given, 1, 0, 1), apply(backend, shape, given, 1, 0, 2))
    }
  })
})

describe.each(kernelBackends)('batchNormForward on $name', (backend) => {
  it.each([...batchNormShapes, [1, 1, 600_000] as const].map((shape) => [names(shape), shape] as const))(
    'is batchNormStats, then batchNormApply, to the bit: %s',
    (_, shape) => {
      const given = inputs(shape, 36)
      const statistics = (): Float32Array[] => [0, 1, 2, 3].map(() => new Float32Array(shape[1]))
      const [separate, fused] = [statistics(), statistics()]
      backend.call('batchNormStats', [...separate, given.x], shape, [1e-3])
      const expected = apply(backend, shape, { ...given, mean: separate[0]!, meanLow: separate[1]!, invStd: separate[3]! }, 1)
      for (const threads of [1, 2]) {
        const y = guarded(Float32Array, count(shape), undefined, 3)
        const operands = [y.array, null, ...fused, given.x, given.gamma, given.beta]
        expect(backend.call('batchNormForward', operands, shape, [1e-3, 1, 0, ...noDropout], threads).status).toBe(0)
        y.intact()
        expect(fused).toEqual(separate)
        expectSame(y.array, expected)
      }
    }
  )
})
