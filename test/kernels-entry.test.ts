import { describe, expect, it } from 'vitest'
import { kernels, type RawKernels } from '../lib/kernels-entry.js'
import { addon } from './helpers/backends.js'
import { expectSameBits } from './helpers/bits.js'
import { worstExcess } from './helpers/cases.js'
import { guarded } from './helpers/guard.js'
import { testRandom } from './helpers/random.js'
import { referenceGradients, referenceNormalize, referenceStatistics } from './reference/batch-norm.js'
import { keptReference } from './reference/dropout.js'
import { matmulReference } from './reference/matmul.js'
import { normReference, weightNormGradientReference, weightNormReference } from './reference/weight-norm.js'

const backends = (addon ? ['portable', 'native'] : ['portable']) as ('portable' | 'native')[]
const shape = [5, 3, 7] as const
const [elements, channels] = [105, 3]
const unit = 2 ** -24

/** Each of the float32 operations of y = centered · scale + beta rounds once: 8 units of the largest term are more than all of them. */
function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, units = 64): void {
  const largest = Math.max(1, ...Array.from(expected, Math.abs))
  expect(actual.length).toBe(expected.length)
  expect(worstExcess(actual, expected, () => units * unit * largest).excess).toBeLessThanOrEqual(0)
}

describe.each(backends)('kernels on %s', (backend) => {
  const k = kernels(backend)
  const random = testRandom(21)
  const x = random.array(elements, 2, 3)
  const gamma = random.array(channels, 1, 1)
  const beta = random.array(channels)

  it('is one object a setting, and says what runs', () => {
    expect(kernels(backend)).toBe(k)
    expect(k.backend).toBe(backend)
    expect(k.threads).toBeGreaterThanOrEqual(1)
    expect(k.instructionSet === 'portable').toBe(backend === 'portable')
    expect(Object.isFrozen(k)).toBe(true)
  })

  it.each(['identity', 'relu', 'leakyRelu', 'sigmoid', 'tanh'] as const)('normalizes, with %s, and back', (activation) => {
    const slope = 0.2
    const { mean, variance } = referenceStatistics(x, shape)
    const epsilon = 1e-3
    const invStd = variance.map((value) => 1 / Math.sqrt(value + epsilon))
    const code = ['identity', 'relu', 'leakyRelu', 'sigmoid', 'tanh'].indexOf(activation)
    const forward = k.batchNormForward({ x, shape, gamma, beta, epsilon, activation, slope })
    expectNear(forward.y, referenceNormalize(x, shape, mean, invStd, { gamma, beta, activation: code, slope }))
    expectNear(forward.mean, mean, 1)
    expectNear(
      forward.mean.map((high, c) => high + forward.meanLow[c]!),
      mean,
      1
    )
    expectNear(forward.variance, variance)
    expectNear(forward.invStd, invStd)
    const dy = random.array(elements)
    const { dx, dGamma, dBeta } = k.batchNormBackward({ dy, x, shape, ...forwardOnly(forward), gamma, beta, activation, slope })
    const reference = referenceGradients(dy, x, shape, epsilon, { gamma, beta, activation: code, slope })
    expectNear(dx, reference.dx, 512)
    expectNear(dGamma, reference.dGamma, 512)
    expectNear(dBeta, reference.dBeta, 512)
    const inference = k.batchNormInference({
      x,
      shape,
      mean: forward.mean,
      meanLow: forward.meanLow,
      variance: forward.variance,
      gamma,
      beta,
      epsilon,
      activation,
      slope
    })
    expectNear(inference, forward.y)
  })

  it('has the documented defaults', () => {
    const plain = k.batchNormForward({ x, shape })
    const spelled = k.batchNormForward({
      x,
      shape,
      gamma: Float32Array.of(1, 1, 1),
      beta: new Float32Array(3),
      epsilon: 1e-5,
      activation: 'identity'
    })
    expectSameBits(plain.y, spelled.y)
    const leaky = { x, shape, activation: 'leakyRelu' } as const
    expectSameBits(k.batchNormForward(leaky).y, k.batchNormForward({ ...leaky, slope: 0.01 }).y)
    const dropped = { x, rate: 0.5, seed: 3 }
    expect(k.dropoutForward(dropped)).toEqual(k.dropoutForward({ ...dropped, step: 0, stream: 0 }))
  })

  it('drops by seed, step and stream, with the mask as documented', () => {
    for (const seed of [7, 2 ** 53 - 1, 2n ** 64n - 1n]) {
      const { y, mask } = k.dropoutForward({ x, rate: 0.3, seed, step: 5, stream: 9 })
      const key = BigInt(seed)
      const kept = keptReference(elements, [19661, Number(key & 0xffffffffn), Number(key >> 32n), 0, 5, 9, 0])
      expect(Array.from({ length: 112 }, (_, i) => (mask[i >> 3]! >> (i & 7)) & 1)).toEqual([...kept.map(Number), 0, 0, 0, 0, 0, 0, 0])
      const factor = Math.fround(65536 / (65536 - 19661))
      expectSameBits(
        y,
        x.map((value, i) => (kept[i] ? value * factor : 0))
      )
      expectSameBits(k.dropoutBackward({ dy: x, mask, rate: 0.3 }), y)
    }
    expectSameBits(k.dropoutForward({ x, rate: 0, seed: 1 }).y, x)
    expectSameBits(k.dropoutForward({ x, rate: 1, seed: 1 }).y, new Float32Array(elements))
  })

  it('normalizes weights, and back', () => {
    const [v, dw, g] = [random.array(60), random.array(60), random.array(4)]
    const { w, norm } = k.weightNormForward({ v, g, rows: 4 })
    const row = (array: Float32Array, r: number) => array.subarray(r * 15, (r + 1) * 15)
    const { dv, dg } = k.weightNormBackward({ dw, v, g, norm, rows: 4 })
    const out = new Float32Array(60)
    expect(k.weightNormBackward({ dw, v, g, norm, rows: 4, out }).dv).toBe(out)
    expectSameBits(out, dv)
    expect(() => k.weightNormBackward({ dw, v, g, norm, rows: 4, out: dw })).toThrow(/^kernels\.weightNormBackward: expected out/)
    for (let r = 0; r < 4; r++) {
      expectNear(row(w, r), weightNormReference(row(v, r), g[r]!), 8)
      expectNear([norm[r]!], [normReference(row(v, r))], 8)
      const gradients = weightNormGradientReference(row(dw, r), row(v, r), g[r]!)
      expectNear(row(dv, r), gradients.dv)
      expectNear([dg[r]!], [gradients.dg])
    }
  })

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true]
  ])('multiplies matrices, transposeA %s, transposeB %s', (transposeA, transposeB) => {
    const [m, n, inner] = [5, 7, 11]
    const [a, b, bias, scale] = [random.array(m * inner), random.array(inner * n), random.array(n), random.array(n)]
    const reference = matmulReference({ m, n, k: inner, a, b, bias, scale, aScale: null })
    const made = k.matmul({
      a: transposeA ? transpose(a, m, inner) : a,
      b: transposeB ? transpose(b, inner, n) : b,
      m,
      n,
      k: inner,
      transposeA,
      transposeB,
      bias,
      scale
    })
    expect(worstExcess(made, reference.values, (i) => reference.bounds[i]!).excess).toBeLessThanOrEqual(0)
    expect(k.matmul({ a, b, m, n, k: inner, activation: 'relu' }).every((value) => value >= 0)).toBe(true)
  })

  it('writes into out, at its byte offset, and in place where that is allowed', () => {
    const out = guarded(Float32Array, elements, undefined, 3)
    const source = guarded(Float32Array, elements, x, 5)
    expect(k.batchNormForward({ x: source.array, shape, out: out.array }).y).toBe(out.array)
    expectSameBits(out.array, k.batchNormForward({ x, shape }).y)
    const statistics = k.batchNormForward({ x, shape })
    const inPlace: [string, (array: Float32Array, out?: Float32Array) => Float32Array][] = [
      [
        'batchNormInference',
        (array, out) => k.batchNormInference({ x: array, shape, mean: gamma, variance: statistics.variance, ...(out && { out }) })
      ],
      [
        'batchNormBackward',
        (array, out) => k.batchNormBackward({ dy: array, x, shape, ...forwardOnly(statistics), ...(out && { out }) }).dx
      ],
      ['dropoutForward', (array, out) => k.dropoutForward({ x: array, rate: 0.5, seed: 1, ...(out && { out }) }).y],
      [
        'dropoutBackward',
        (array, out) => k.dropoutBackward({ dy: array, mask: new Uint8Array(14).fill(0x55), rate: 0.5, ...(out && { out }) })
      ]
    ]
    for (const [name, call] of inPlace) {
      const array = guarded(Float32Array, elements, x, 7)
      const expected = call(x)
      expect(call(array.array, array.array), name).toBe(array.array)
      expectSameBits(array.array, expected, name)
      array.intact()
    }
    out.intact()
    source.intact()
    expectSameBits(source.array, x)
  })

  it('takes nothing, and gives nothing', () => {
    const none = new Float32Array(0)
    expect(k.batchNormForward({ x: none, shape: [0, 3, 4] }).y.length).toBe(0)
    expect(k.batchNormForward({ x: none, shape: [4, 0, 4] })).toEqual({ y: none, mean: none, meanLow: none, variance: none, invStd: none })
    expect(k.dropoutForward({ x: none, rate: 0.5, seed: 0 })).toEqual({ y: none, mask: new Uint8Array(0) })
    expect(k.weightNormForward({ v: none, g: none, rows: 0 })).toEqual({ w: none, norm: none })
    expect([...k.weightNormForward({ v: none, g: new Float32Array(2), rows: 2 }).norm]).toEqual([0, 0])
    expect(k.matmul({ a: none, b: none, m: 0, n: 0, k: 0 }).length).toBe(0)
    expect([...k.matmul({ a: none, b: none, m: 2, n: 1, k: 0, bias: Float32Array.of(3) })]).toEqual([3, 3])
  })

  it('refuses, and says what to do', () => {
    expect(refusals(k)).toMatchInlineSnapshot(`
      [
        "TypeError EVENKEEL_TYPE: kernels.batchNormForward: expected an options object, got undefined",
        "TypeError EVENKEEL_OPTION: kernels.batchNormForward: expected only the options x, shape, gamma, beta, epsilon, activation, slope, out, got 'eps'. Did you mean epsilon?",
        "TypeError EVENKEEL_OPTION: kernels.batchNormForward: expected only the options x, shape, gamma, beta, epsilon, activation, slope, out, got 'momentum'. These kernels keep no running statistics: mean and variance are given back",
        "TypeError EVENKEEL_TYPE: kernels.batchNormForward: expected shape to be [outer, channels, inner], got [2, 6]. Channels-last images are [batch · height · width, channels, 1]",
        "RangeError EVENKEEL_RANGE: kernels.batchNormForward: expected shape[2] to be an integer from 0 to 2147483647, got 2.5",
        "RangeError EVENKEEL_RANGE: kernels.batchNormForward: expected shape[1] to be an integer from 0 to 2147483647, got -3",
        "ShapeError EVENKEEL_SHAPE: kernels.batchNormForward: expected x to hold 18 elements (shape [2, 3, 3]), got 12",
        "TypeError EVENKEEL_TYPE: kernels.batchNormForward: expected x to be a Float32Array, got Float64Array(12). Convert it with Float32Array.from(x)",
        "TypeError EVENKEEL_TYPE: kernels.batchNormForward: expected x to be a Float32Array, got [0, 0, 0, 0, 0, 0, 0, 0, ... 12 in all]. Convert it with Float32Array.from(x)",
        "TypeError EVENKEEL_TYPE: kernels.batchNormForward: expected x to be a Float32Array, got undefined",
        "ShapeError EVENKEEL_SHAPE: kernels.batchNormForward: expected gamma to hold 3 elements (one a channel), got 2",
        "RangeError EVENKEEL_RANGE: kernels.batchNormForward: expected epsilon to be a finite number at least 0, got -1",
        "RangeError EVENKEEL_RANGE: kernels.batchNormForward: expected epsilon to be a finite number at least 0, got NaN",
        "RangeError EVENKEEL_RANGE: kernels.batchNormForward: expected activation to be 'identity' or 'relu' or 'leakyRelu' or 'sigmoid' or 'tanh', got 'relue'. Did you mean 'relu'?",
        "RangeError EVENKEEL_RANGE: kernels.batchNormForward: expected slope to be a finite number at least 0, got -1",
        "TypeError EVENKEEL_OVERLAP: kernels.batchNormForward: expected out to be memory of its own, got one that is x. Give it another array",
        "ShapeError EVENKEEL_SHAPE: kernels.batchNormForward: expected out to hold 12 elements (shape [2, 3, 2]), got 11",
        "ShapeError EVENKEEL_SHAPE: kernels.batchNormInference: expected out to hold 12 elements (shape [2, 3, 2]), got 11",
        "TypeError EVENKEEL_OVERLAP: kernels.batchNormInference: expected out to be memory of its own or exactly x, got one that overlaps x. Give it another array, or x itself",
        "TypeError EVENKEEL_TYPE: kernels.batchNormInference: expected variance to be a Float32Array, got undefined",
        "TypeError EVENKEEL_OVERLAP: kernels.batchNormBackward: expected out to be memory of its own or exactly dy, got one that is x. Give it another array, or dy itself",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected rate to be a number from 0 to 1, got 1.5. It is the share of elements that is dropped, as in PyTorch and Keras",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected rate to be a number from 0 to 1, got -0.1. It is the share of elements that is dropped, as in PyTorch and Keras",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected rate to be a number from 0 to 1, got NaN. It is the share of elements that is dropped, as in PyTorch and Keras",
        "TypeError EVENKEEL_TYPE: kernels.dropoutForward: expected rate to be a number from 0 to 1, got '0.5'",
        "TypeError EVENKEEL_OPTION: kernels.dropoutForward: expected only the options x, rate, seed, step, stream, out, got 'p'. The option is called rate",
        "TypeError EVENKEEL_TYPE: kernels.dropoutForward: expected a seed, got undefined. With the same seed, step and stream it drops the same elements",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n, got 1.5. Larger seeds are written as a bigint, such as 123n",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n, got -1. Larger seeds are written as a bigint, such as 123n",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n, got 9007199254740992. Larger seeds are written as a bigint, such as 123n",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n, got 18446744073709551616n",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected step to be an integer at least 0 and at most 4294967295, got -1",
        "RangeError EVENKEEL_RANGE: kernels.dropoutForward: expected stream to be an integer at least 0 and at most 4294967295, got 4294967296",
        "ShapeError EVENKEEL_SHAPE: kernels.dropoutBackward: expected mask to hold 2 elements (one bit for each of 12 elements), got 1",
        "TypeError EVENKEEL_TYPE: kernels.dropoutBackward: expected mask to be a Uint8Array, got Float32Array(12)",
        "ShapeError EVENKEEL_SHAPE: kernels.weightNormForward: expected v to hold 5 rows of equal length, got 12 elements",
        "ShapeError EVENKEEL_SHAPE: kernels.weightNormForward: expected g to hold 4 elements (one a row), got 3",
        "ShapeError EVENKEEL_SHAPE: kernels.weightNormForward: expected v to hold 0 rows of equal length, got 12 elements",
        "TypeError EVENKEEL_OVERLAP: kernels.weightNormForward: expected out to be memory of its own, got one that is v. Give it another array",
        "TypeError EVENKEEL_TYPE: kernels.weightNormBackward: expected norm to be a Float32Array, got undefined",
        "ShapeError EVENKEEL_SHAPE: kernels.matmul: expected a to hold 9 elements ([m, k] = [3, 3]), got 12",
        "ShapeError EVENKEEL_SHAPE: kernels.matmul: expected b to hold 8 elements ([n, k] = [2, 4]), got 12",
        "TypeError EVENKEEL_TYPE: kernels.matmul: expected m to be an integer from 0 to 2147483647, got '3'",
        "TypeError EVENKEEL_TYPE: kernels.matmul: expected transposeA to be true or false, got 'yes'",
        "TypeError EVENKEEL_OPTION: kernels.matmul: expected only the options a, b, m, n, k, transposeA, transposeB, bias, scale, activation, slope, out, got 'transA'. The option is called transposeA",
        "TypeError EVENKEEL_OVERLAP: kernels.matmul: expected out to be memory of its own, got one that overlaps a. Give it another array",
      ]
    `)
  })

  it('refuses buffers that were transferred, and leaves out as it was', () => {
    const gone = new Float32Array(8)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    const out = new Float32Array(4).fill(7)
    expect(said(() => k.dropoutForward({ x: gone, rate: 0.5, seed: 1 }))).toMatchInlineSnapshot(
      `"TypeError EVENKEEL_TYPE: kernels.dropoutForward: expected x to have memory, got an array whose buffer was transferred. Use it before you transfer it"`
    )
    expect(said(() => k.matmul({ a: gone, b: new Float32Array(4), m: 2, n: 2, k: 2, out }))).toMatchInlineSnapshot(
      `"TypeError EVENKEEL_TYPE: kernels.matmul: expected a to have memory, got an array whose buffer was transferred. Use it before you transfer it"`
    )
    expect([...out]).toEqual([7, 7, 7, 7])
  })
})

describe('kernels', () => {
  it('refuses other backends and options', () => {
    expect(said(() => kernels('gpu' as 'auto'))).toMatchInlineSnapshot(
      `"RangeError EVENKEEL_RANGE: kernels: expected backend to be 'auto' or 'native' or 'portable', got 'gpu'"`
    )
    expect(said(() => kernels('auto', { thread: 2 } as object))).toMatchInlineSnapshot(
      `"TypeError EVENKEEL_OPTION: kernels: expected only the options threads, got 'thread'. Did you mean threads?"`
    )
    expect(said(() => kernels('auto', { threads: 0 }))).toMatchInlineSnapshot(
      `"RangeError EVENKEEL_RANGE: backend: expected threads to be an integer at least 1 and at most 256, got 0"`
    )
    expect(said(() => kernels('auto', { threads: 1.5 }))).toMatchInlineSnapshot(
      `"RangeError EVENKEEL_RANGE: backend: expected threads to be an integer at least 1 and at most 256, got 1.5"`
    )
  })
})

function forwardOnly({ mean, meanLow, invStd }: ReturnType<RawKernels['batchNormForward']>) {
  return { mean, meanLow, invStd }
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!)
}

/** What an error says: its class, its code, its message. */
function said(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    const { name, code, message } = error as Error & { code: string }
    return `${name} ${code}: ${message}`
  }
  throw new Error('nothing was thrown')
}

/** One mistake of each kind. The types would stop most of them; JavaScript does not. */
function refusals(k: RawKernels): string[] {
  const x = new Float32Array(12)
  const bn = { x, shape: [2, 3, 2] as const }
  const statistics = { mean: new Float32Array(3), variance: new Float32Array(3) }
  const wrong: (() => unknown)[] = [
    () => k.batchNormForward(undefined as never),
    () => k.batchNormForward({ ...bn, eps: 1e-5 } as never),
    () => k.batchNormForward({ ...bn, momentum: 0.1 } as never),
    () => k.batchNormForward({ ...bn, shape: [2, 6] as never }),
    () => k.batchNormForward({ ...bn, shape: [2, 3, 2.5] }),
    () => k.batchNormForward({ ...bn, shape: [2, -3, 2] }),
    () => k.batchNormForward({ ...bn, shape: [2, 3, 3] }),
    () => k.batchNormForward({ ...bn, x: new Float64Array(12) as never }),
    () => k.batchNormForward({ ...bn, x: Array(12).fill(0) as never }),
    () => k.batchNormForward({ ...bn, x: undefined as never }),
    () => k.batchNormForward({ ...bn, gamma: new Float32Array(2) }),
    () => k.batchNormForward({ ...bn, epsilon: -1 }),
    () => k.batchNormForward({ ...bn, epsilon: Number.NaN }),
    () => k.batchNormForward({ ...bn, activation: 'relue' as never }),
    () => k.batchNormForward({ ...bn, activation: 'leakyRelu', slope: -1 }),
    () => k.batchNormForward({ ...bn, out: x }),
    () => k.batchNormForward({ ...bn, out: new Float32Array(11) }),
    () => k.batchNormInference({ ...bn, ...statistics, out: new Float32Array(x.buffer, 4, 11) }),
    () =>
      k.batchNormInference({ x: new Float32Array(x.buffer, 0, 6), shape: [1, 3, 2], ...statistics, out: new Float32Array(x.buffer, 4, 6) }),
    () => k.batchNormInference({ ...bn, ...statistics, variance: undefined as never }),
    () => k.batchNormBackward({ ...bn, dy: x.slice(), mean: statistics.mean, invStd: statistics.mean, out: x }),
    () => k.dropoutForward({ x, rate: 1.5, seed: 1 }),
    () => k.dropoutForward({ x, rate: -0.1, seed: 1 }),
    () => k.dropoutForward({ x, rate: Number.NaN, seed: 1 }),
    () => k.dropoutForward({ x, rate: '0.5' as never, seed: 1 }),
    () => k.dropoutForward({ x, p: 0.5, seed: 1 } as never),
    () => k.dropoutForward({ x, rate: 0.5 } as never),
    () => k.dropoutForward({ x, rate: 0.5, seed: 1.5 }),
    () => k.dropoutForward({ x, rate: 0.5, seed: -1 }),
    () => k.dropoutForward({ x, rate: 0.5, seed: 2 ** 53 }),
    () => k.dropoutForward({ x, rate: 0.5, seed: 1n << 64n }),
    () => k.dropoutForward({ x, rate: 0.5, seed: 1, step: -1 }),
    () => k.dropoutForward({ x, rate: 0.5, seed: 1, stream: 2 ** 32 }),
    () => k.dropoutBackward({ dy: x, mask: new Uint8Array(1), rate: 0.5 }),
    () => k.dropoutBackward({ dy: x, mask: x as never, rate: 0.5 }),
    () => k.weightNormForward({ v: x, g: new Float32Array(5), rows: 5 }),
    () => k.weightNormForward({ v: x, g: new Float32Array(3), rows: 4 }),
    () => k.weightNormForward({ v: x, g: new Float32Array(0), rows: 0 }),
    () => k.weightNormForward({ v: x, g: new Float32Array(4), rows: 4, out: x }),
    () => k.weightNormBackward({ dw: x, v: x, g: new Float32Array(4), norm: undefined as never, rows: 4 }),
    () => k.matmul({ a: x, b: x, m: 3, n: 3, k: 3 }),
    () => k.matmul({ a: x, b: x, m: 3, n: 2, k: 4, transposeB: true }),
    () => k.matmul({ a: x, b: x, m: '3' as never, n: 3, k: 4 }),
    () => k.matmul({ a: x, b: x, m: 3, n: 3, k: 4, transposeA: 'yes' as never }),
    () => k.matmul({ a: x, b: x, m: 3, n: 3, k: 4, transA: true } as never),
    () => k.matmul({ a: x, b: x, m: 3, n: 3, k: 4, out: new Float32Array(x.buffer, 0, 9) })
  ]
  return wrong.map(said)
}
