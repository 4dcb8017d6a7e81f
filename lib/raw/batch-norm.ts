import { checkOptions, numberOption } from '../options.js'
import type { Runtime } from '../runtime/runtime.js'
import { type ActivationOptions, activationScalars, float32, fresh, given, normShape, optionalFloat32, output } from './operands.js'

/** Sizes of every batch normalization. Channels-last images: [batch · height · width, channels, 1]; channels-first: [batch, channels, height · width]. */
export type BatchNormShape = readonly [outer: number, channels: number, inner: number]

export interface BatchNormForwardOptions extends ActivationOptions {
  /** [outer, channels, inner] */
  readonly x: Float32Array
  readonly shape: BatchNormShape
  /** [channels]; omitted: 1. */
  readonly gamma?: Float32Array | undefined
  /** [channels]; omitted: 0. */
  readonly beta?: Float32Array | undefined
  /** Added to the variance, at least 0; default 1e-5, as in every framework. */
  readonly epsilon?: number | undefined
  /** Receives y; default a new array. Must not overlap an input. */
  readonly out?: Float32Array | undefined
}

export interface BatchNormForwardResult {
  /** [outer, channels, inner] */
  readonly y: Float32Array
  /** [channels]; with meanLow the mean in two parts. */
  readonly mean: Float32Array
  /** [channels]; what rounding took from the mean. */
  readonly meanLow: Float32Array
  /** [channels]; biased: divided by outer · inner. */
  readonly variance: Float32Array
  /** [channels]; 1/√(variance + epsilon) */
  readonly invStd: Float32Array
}

export interface BatchNormBackwardOptions extends ActivationOptions {
  /** Gradient of y, [outer, channels, inner]. */
  readonly dy: Float32Array
  /** What the forward pass normalized. */
  readonly x: Float32Array
  readonly shape: BatchNormShape
  /** What the forward pass gave, [channels] each. */
  readonly mean: Float32Array
  readonly meanLow?: Float32Array | undefined
  readonly invStd: Float32Array
  /** The forward pass's, [channels]. beta is needed where there is an activation and the forward pass had one. */
  readonly gamma?: Float32Array | undefined
  readonly beta?: Float32Array | undefined
  /** Receives dx; default a new array. May be dy itself. */
  readonly out?: Float32Array | undefined
}

export interface BatchNormBackwardResult {
  readonly dx: Float32Array
  readonly dGamma: Float32Array
  readonly dBeta: Float32Array
}

export interface BatchNormInferenceOptions extends ActivationOptions {
  readonly x: Float32Array
  readonly shape: BatchNormShape
  /** Running statistics, [channels] each. */
  readonly mean: Float32Array
  readonly meanLow?: Float32Array | undefined
  readonly variance: Float32Array
  readonly gamma?: Float32Array | undefined
  readonly beta?: Float32Array | undefined
  readonly epsilon?: number | undefined
  /** Receives y; default a new array. May be x itself. */
  readonly out?: Float32Array | undefined
}

const running = 'These kernels keep no running statistics: mean and variance are given back'
const notes = { momentum: running, decay: running }

/** threshold … firstBlock: no dropout. */
const noDropout = [0, 0, 0, 0, 0, 0, 0]

export function batchNormForward(runtime: Runtime, options: BatchNormForwardOptions): BatchNormForwardResult {
  const owner = 'kernels.batchNormForward'
  checkOptions(owner, given(owner, options), ['x', 'shape', 'gamma', 'beta', 'epsilon', 'activation', 'slope', 'out'], notes)
  const { dims, elements, channels, whole, perChannel } = normShape(owner, options.shape)
  const x = float32(owner, 'x', options.x, elements, whole)
  const gamma = optionalFloat32(owner, 'gamma', options.gamma, channels, perChannel)
  const beta = optionalFloat32(owner, 'beta', options.beta, channels, perChannel)
  const epsilon = numberOption(owner, 'epsilon', options.epsilon, 1e-5, { atLeast: 0 })
  const activation = activationScalars(owner, options)
  const y = output(owner, options.out, { elements, reason: whole, inputs: { x, gamma, beta } })
  const [mean, meanLow, variance, invStd] = [0, 1, 2, 3].map(() => fresh(owner, channels)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array
  ]
  runtime.call('batchNormForward', [y, null, mean, meanLow, variance, invStd, x, gamma, beta], dims, [epsilon, ...activation, ...noDropout])
  return { y, mean, meanLow, variance, invStd }
}

export function batchNormBackward(runtime: Runtime, options: BatchNormBackwardOptions): BatchNormBackwardResult {
  const owner = 'kernels.batchNormBackward'
  const names = ['dy', 'x', 'shape', 'mean', 'meanLow', 'invStd', 'gamma', 'beta', 'activation', 'slope', 'out'] as const
  checkOptions(owner, given(owner, options), names)
  const { dims, elements, channels, whole, perChannel } = normShape(owner, options.shape)
  const dy = float32(owner, 'dy', options.dy, elements, whole)
  const x = float32(owner, 'x', options.x, elements, whole)
  const mean = float32(owner, 'mean', options.mean, channels, perChannel)
  const meanLow = optionalFloat32(owner, 'meanLow', options.meanLow, channels, perChannel)
  const invStd = float32(owner, 'invStd', options.invStd, channels, perChannel)
  const gamma = optionalFloat32(owner, 'gamma', options.gamma, channels, perChannel)
  const beta = optionalFloat32(owner, 'beta', options.beta, channels, perChannel)
  const activation = activationScalars(owner, options)
  const inputs = { dy, x, mean, meanLow, invStd, gamma, beta }
  const dx = output(owner, options.out, { elements, reason: whole, inputs, inPlaceOf: 'dy' })
  const [dGamma, dBeta] = [fresh(owner, channels), fresh(owner, channels)]
  runtime.call('batchNormBackward', [dx, dGamma, dBeta, null, dy, x, mean, meanLow, invStd, gamma, beta], dims, [...activation, 0])
  return { dx, dGamma, dBeta }
}

export function batchNormInference(runtime: Runtime, options: BatchNormInferenceOptions): Float32Array {
  const owner = 'kernels.batchNormInference'
  const names = ['x', 'shape', 'mean', 'meanLow', 'variance', 'gamma', 'beta', 'epsilon', 'activation', 'slope', 'out'] as const
  checkOptions(owner, given(owner, options), names)
  const { dims, elements, channels, whole, perChannel } = normShape(owner, options.shape)
  const x = float32(owner, 'x', options.x, elements, whole)
  const mean = float32(owner, 'mean', options.mean, channels, perChannel)
  const meanLow = optionalFloat32(owner, 'meanLow', options.meanLow, channels, perChannel)
  const variance = float32(owner, 'variance', options.variance, channels, perChannel)
  const gamma = optionalFloat32(owner, 'gamma', options.gamma, channels, perChannel)
  const beta = optionalFloat32(owner, 'beta', options.beta, channels, perChannel)
  const epsilon = numberOption(owner, 'epsilon', options.epsilon, 1e-5, { atLeast: 0 })
  const activation = activationScalars(owner, options)
  const inputs = { x, mean, meanLow, variance, gamma, beta }
  const y = output(owner, options.out, { elements, reason: whole, inputs, inPlaceOf: 'x' })
  const invStd = fresh(owner, channels)
  runtime.call('batchNormInvStd', [invStd, variance], [channels], [epsilon])
  runtime.call('batchNormApply', [y, null, x, mean, meanLow, invStd, gamma, beta], dims, [...activation, ...noDropout])
  return y
}
