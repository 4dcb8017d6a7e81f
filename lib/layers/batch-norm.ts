import { describe, expectation, outOfRange, ShapeError, wrongKind } from '../errors.js'
import { batchNormInference, batchNorm as normalize, updateRunning, type Value } from '../ops/index.js'
import { checkOptions } from '../options.js'
import { formatShape } from '../shape.js'
import { ones, zeros } from './initializers.js'
import type { Layer, LayerContext } from './layer.js'
import { layerOf } from './make-layer.js'

export interface BatchNormOptions {
  /** The dimension that holds the channels, the batch being 0; negative counts from the end. Default −1, channels-last; 1 for channels-first. */
  readonly axis?: number
  /** How much of the running statistics each training step keeps: running ← running + (1 − decay)·(batch − running). Default 0.9, as PyTorch's momentum 0.1. */
  readonly decay?: number
  /** Added to the variance before the square root. Default 1e-5. */
  readonly epsilon?: number
  /** Whether there is a trainable `gamma`; default true. */
  readonly scale?: boolean
  /** Whether there is a trainable `beta`; default true. */
  readonly center?: boolean
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

const notes = {
  momentum:
    "The option is called decay, the share of the old statistics that is kept: decay = 1 − momentum for PyTorch's momentum (0.1 there is decay 0.9), decay = momentum for Keras's (0.99 there is decay 0.99)"
}

/**
 * Batch normalization (Ioffe & Szegedy 2015, algorithms 1 and 2), by channel over all other dimensions:
 * y = (x − mean)/√(variance + epsilon) · gamma + beta.
 *
 * In training mean and variance (biased) are the batch's, and the buffers move towards them, with the unbiased
 * variance; at inference they are the buffers. Parameters: `gamma`, `beta` [channels], at first 1 and 0. Buffers:
 * `runningMean`, `runningVariance` [channels], at first 0 and 1, and `batches` [1], a float64 count.
 *
 * Input [batch, ...] of any number of dimensions, of which `axis` has a fixed size; output the same shape. A training
 * batch needs at least two values a channel.
 *
 * @throws TypeError for an unknown option (`momentum` among them, with the conversion); RangeError for a value out of
 * range; ShapeError when the model is made and the input has no such dimension
 * @example sequential(linear(128), batchNorm({ decay: 0.99 }), relu(), linear(10))
 */
export function batchNorm(options?: BatchNormOptions): Layer {
  const checked = checkOptions('batchNorm', options, ['axis', 'decay', 'epsilon', 'scale', 'center', 'name'], notes)
  const { axis = -1, decay = 0.9, epsilon = 1e-5, scale = true, center = true, name } = checked
  if (!Number.isSafeInteger(axis) || axis === 0) throw outOfRange('batchNorm', 'an axis other than 0, which is the batch', axis)
  if (typeof decay !== 'number' || !(decay >= 0 && decay <= 1)) throw outOfRange('batchNorm', 'a decay from 0 to 1', decay)
  if (typeof epsilon !== 'number' || !(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY))
    throw outOfRange('batchNorm', 'an epsilon of at least 0', epsilon)
  for (const [option, value] of Object.entries({ scale, center }))
    if (typeof value !== 'boolean') throw wrongKind('batchNorm', `true or false for ${option}`, value)
  return layerOf('batchNorm', name, { axis, decay, epsilon, scale, center }, (context, x) => {
    const { dimension, channels } = channelsOf(x, axis, context)
    const gamma = scale ? context.parameter('gamma', [channels], ones()) : null
    const beta = center ? context.parameter('beta', [channels], zeros()) : null
    const mean = context.buffer('runningMean', [channels], 0)
    const variance = context.buffer('runningVariance', [channels], 1)
    const batches = context.buffer('batches', [1], 0, 'float64')
    const at = { axis: dimension, epsilon }
    if (!context.training) return batchNormInference(x, { mean, variance }, gamma, beta, at)
    const result = normalize(x, gamma, beta, at)
    updateRunning({ mean, variance, batches }, result, { decay, x, axis: dimension })
    return result.y
  })
}

function channelsOf(x: Value, axis: number, context: LayerContext): { dimension: number; channels: number } {
  const dimension = axis < 0 ? x.shape.length + axis : axis
  const channels = x.shape[dimension]
  if (dimension < 1 || typeof channels !== 'number')
    throw new ShapeError(
      expectation(
        `batchNorm in layer '${context.path}'`,
        `an input in which dimension ${axis} holds a fixed number of channels`,
        formatShape(x.shape)
      ),
      { expected: axis, actual: describe(formatShape(x.shape)) }
    )
  return { dimension, channels }
}
