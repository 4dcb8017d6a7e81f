import type { Node, Operation, Value } from '../graph/graph.js'
import { type Dimension, multiplyDimensions, type Shape } from '../shape.js'
import { maskType } from './dropout.js'
import {
  activationScalars,
  dropoutScalars,
  expectShape,
  type FusedActivation,
  type FusedDropout,
  float32,
  noActivation,
  product
} from './types.js'

export interface BatchNormAttributes extends FusedActivation {
  /** The dimension that is normalized by itself. */
  readonly axis: number
  readonly epsilon: number
  readonly dropout: FusedDropout | null
}

export interface BatchNormResult {
  readonly y: Value
  readonly mean: Value
  readonly meanLow: Value
  readonly variance: Value
}

/** inputs: x, gamma?, beta?; outputs: y, mean, meanLow, variance, invStd, and the mask where dropout is fused */
export const batchNormOperation: Operation<BatchNormAttributes> = {
  name: 'batchNorm',
  infer([x, gamma, beta], { axis, dropout }, label) {
    const channels = [x!.shape[axis]!]
    expectShape('ops.batchNorm', label, 'gamma', gamma ?? null, channels)
    expectShape('ops.batchNorm', label, 'beta', beta ?? null, channels)
    const statistics = [1, 2, 3, 4].map(() => float32(channels))
    return dropout ? [float32(x!.shape), ...statistics, maskType(x!.shape)] : [float32(x!.shape), ...statistics]
  },
  gradient: batchNormGradient,
  lower({ inputs: [x, gamma, beta], outputs: [y, mean, meanLow, variance, invStd, mask], attributes }, lowering) {
    const dims = outerChannelsInner(x!.shape, attributes.axis)
    lowering.call('batchNormForward', [y!, mask ?? null, mean!, meanLow!, variance!, invStd!, x!, gamma ?? null, beta ?? null], dims, [
      attributes.epsilon,
      ...activationScalars(attributes),
      ...dropoutScalars(attributes.dropout)
    ])
    // A batch whose statistics overflow is refused before anything is written.
    lowering.call('checkFinite', [variance!], [dims[1]])
  }
}

interface BackwardAttributes extends BatchNormAttributes {
  readonly wantsX: boolean
}

/** inputs: dy, x, mean, meanLow, invStd, gamma?, beta?, mask?; outputs: dGamma, dBeta, and dx where it is wanted */
const backward: Operation<BackwardAttributes> = {
  name: 'batchNormBackward',
  infer([, x], { axis, wantsX }) {
    const channels = float32([x!.shape[axis]!])
    return wantsX ? [channels, channels, float32(x!.shape)] : [channels, channels]
  },
  lower({ inputs: [dy, x, mean, meanLow, invStd, gamma, beta, mask], outputs: [dGamma, dBeta, dx], attributes }, lowering) {
    const dims = outerChannelsInner(x!.shape, attributes.axis)
    const scalars = [...activationScalars(attributes), attributes.dropout?.threshold ?? 0]
    const rest = [mask ?? null, dy!, x!, mean!, meanLow!, invStd!, gamma ?? null, beta ?? null]
    if (dx) lowering.call('batchNormBackward', [dx, dGamma!, dBeta!, ...rest], dims, scalars)
    else lowering.call('batchNormBackwardReduce', [dGamma!, dBeta!, ...rest], dims, scalars)
  }
}

function batchNormGradient(node: Node, [upstream]: readonly (Value | null)[], [wantsX]: readonly boolean[]): (Value | null)[] {
  const [x, gamma, beta] = node.inputs
  const [, mean, meanLow, , invStd, mask] = node.outputs
  if (!upstream) return [null, null, null]
  const inputs = [upstream, x!, mean!, meanLow!, invStd!, gamma ?? null, beta ?? null, mask ?? null]
  const [dGamma, dBeta, dx] = upstream.graph.apply(backward, inputs, { ...node.attributes, wantsX })
  return [dx ?? null, dGamma!, dBeta!]
}

/** inputs: runningMean, runningVariance, batches, mean, meanLow, variance */
const running: Operation<{ readonly decay: number; readonly dims: [Dimension, Dimension, Dimension] }> = {
  name: 'batchNormRunning',
  commits: true,
  infer: () => [],
  lower({ inputs, attributes }, lowering) {
    lowering.call('batchNormRunning', inputs, attributes.dims, [attributes.decay])
  }
}

/** inputs: x, mean, variance, gamma?, beta?; outputs: y, invStd */
export const batchNormInferenceOperation: Operation<BatchNormAttributes> = {
  name: 'batchNormInference',
  infer([x, mean, variance, gamma, beta], { axis }, label) {
    const channels = [x!.shape[axis]!]
    for (const [what, value] of Object.entries({ mean, variance, gamma, beta }))
      expectShape('ops.batchNormInference', label, what, value ?? null, channels)
    return [float32(x!.shape), float32(channels)]
  },
  gradient({ inputs: [x, mean, , gamma, beta], outputs: [, invStd], attributes }, [upstream], [wantsX]) {
    const inputs = [upstream!, x!, mean!, invStd!, gamma ?? null, beta ?? null]
    const [dGamma, dBeta, dx] = upstream!.graph.apply(inferenceBackward, inputs, { ...attributes, wantsX })
    return [dx ?? null, null, null, dGamma!, dBeta!]
  },
  lower({ inputs: [x, mean, variance, gamma, beta], outputs: [y, invStd], attributes }, lowering) {
    const dims = outerChannelsInner(x!.shape, attributes.axis)
    lowering.call('batchNormInvStd', [invStd!, variance!], [dims[1]], [attributes.epsilon])
    const operands = [y!, null, x!, mean!, null, invStd!, gamma ?? null, beta ?? null]
    lowering.call('batchNormApply', operands, dims, [...activationScalars(attributes), ...dropoutScalars(null)])
  }
}

/** inputs: dy, x, mean, invStd, gamma?, beta?; outputs: dGamma, dBeta, and dx where it is wanted */
const inferenceBackward: Operation<BackwardAttributes> = {
  name: 'batchNormInferenceBackward',
  infer: backward.infer,
  lower({ inputs: [dy, x, mean, invStd, gamma, beta], outputs: [dGamma, dBeta, dx], attributes }, lowering) {
    const dims = outerChannelsInner(x!.shape, attributes.axis)
    const scalars = [...activationScalars(attributes), 0]
    const rest = [null, dy!, x!, mean!, null, invStd!, gamma ?? null, beta ?? null]
    lowering.call('batchNormBackwardReduce', [dGamma!, dBeta!, ...rest], dims, scalars)
    if (dx) lowering.call('batchNormBackwardApply', [dx, ...rest, dGamma!, dBeta!], dims, [...scalars, 1])
  }
}

/** inputs: mean, variance, gamma?, beta?, scaleIn?, biasIn?; outputs: scale, bias */
const fold: Operation<{ readonly epsilon: number }> = {
  name: 'batchNormFold',
  infer: ([mean]) => [float32(mean!.shape), float32(mean!.shape)],
  lower({ inputs: [mean, variance, gamma, beta, scaleIn, biasIn], outputs: [scale, bias], attributes }, lowering) {
    const operands = [scale!, bias!, mean!, variance!, gamma ?? null, beta ?? null, scaleIn ?? null, biasIn ?? null]
    lowering.call('batchNormFold', operands, [mean!.shape[0]!], [attributes.epsilon])
  }
}

/** [outer, channels, inner] of a shape whose `axis` is the channels. */
export function outerChannelsInner(shape: Shape, axis: number): [Dimension, Dimension, Dimension] {
  return [product(shape.slice(0, axis)), shape[axis]!, product(shape.slice(axis + 1))]
}

/** Values a channel: outer · inner. */
export function valuesPerChannel(shape: Shape, axis: number): Dimension {
  const [outer, , inner] = outerChannelsInner(shape, axis)
  return multiplyDimensions(outer, inner)
}

/**
 * Batch normalization with the statistics of the batch (Ioffe & Szegedy 2015, algorithm 1):
 * y = ((x − mean) − meanLow) · (gamma/√(variance + epsilon)) + beta, by channel.
 *
 * @param x the dimension `axis` holds the channels
 * @param gamma [channels], or null for 1
 * @param beta [channels], or null for 0
 * @returns y of x's shape, and the statistics, [channels] each: the mean in two float32 parts, the variance biased
 * @throws ShapeError when gamma or beta do not have one element a channel
 */
export function batchNorm(
  x: Value,
  gamma: Value | null,
  beta: Value | null,
  options: { readonly axis: number; readonly epsilon: number }
): BatchNormResult {
  const attributes: BatchNormAttributes = { ...options, ...noActivation, dropout: null }
  const [y, mean, meanLow, variance] = x.graph.apply(batchNormOperation, [x, gamma, beta], attributes)
  return { y: y!, mean: mean!, meanLow: meanLow!, variance: variance! }
}

/** Moves running statistics towards the batch's, when the step is committed: running ← running + (1 − decay)·(batch − running). */
export function updateRunning(
  buffers: { readonly mean: Value; readonly variance: Value; readonly batches: Value },
  statistics: BatchNormResult,
  options: { readonly decay: number; readonly x: Value; readonly axis: number }
): void {
  const dims = outerChannelsInner(options.x.shape, options.axis)
  const inputs = [buffers.mean, buffers.variance, buffers.batches, statistics.mean, statistics.meanLow, statistics.variance]
  options.x.graph.apply(running, inputs, { decay: options.decay, dims })
}

/**
 * Batch normalization with given statistics (Ioffe & Szegedy 2015, algorithm 2):
 * y = (x − mean) · (gamma/√(variance + epsilon)) + beta, by channel.
 *
 * @param x the dimension `axis` holds the channels
 * @param statistics [channels] each; no gradient flows into them
 * @param gamma [channels], or null for 1
 * @param beta [channels], or null for 0
 * @returns x's shape
 * @throws ShapeError for anything that does not have one element a channel
 */
export function batchNormInference(
  x: Value,
  statistics: { readonly mean: Value; readonly variance: Value },
  gamma: Value | null,
  beta: Value | null,
  options: { readonly axis: number; readonly epsilon: number }
): Value {
  const attributes: BatchNormAttributes = { ...options, ...noActivation, dropout: null }
  return x.graph.apply(batchNormInferenceOperation, [x, statistics.mean, statistics.variance, gamma, beta], attributes)[0]!
}

/** The scale and bias that make (acc · scaleIn + biasIn) normalized into acc · scale + bias. */
export function batchNormFold(
  statistics: {
    readonly mean: Value
    readonly variance: Value
    readonly gamma: Value | null
    readonly beta: Value | null
    readonly epsilon: number
  },
  before: { readonly scale: Value | null; readonly bias: Value | null }
): { scale: Value; bias: Value } {
  const { mean, variance, gamma, beta, epsilon } = statistics
  const [scale, bias] = mean.graph.apply(fold, [mean, variance, gamma, beta, before.scale, before.bias], { epsilon })
  return { scale: scale!, bias: bias! }
}
