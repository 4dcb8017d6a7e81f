import { describe, expectation, ShapeError } from '../errors.js'
import * as ops from '../ops/index.js'
import { booleanOption, checkOptions, integerOption, numberOption } from '../options.js'
import { formatShape, isStatic } from '../shape.js'
import { ones, zeros } from './initializers.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

export interface LayerNormOptions {
  /** How many dimensions at the end are normalized together, an integer of at least 1. Default 1. */
  readonly dimensions?: number
  /** Added to the variance; at least 0. Default 1e-5. */
  readonly epsilon?: number
  /** Whether there is a gamma. Default true. */
  readonly scale?: boolean
  /** Whether there is a beta. Default true. */
  readonly center?: boolean
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

/**
 * Layer normalization (Ba, Kiros & Hinton 2016, "Layer normalization", equation 4): y = (x − mean)/√(variance + epsilon)
 * · gamma + beta, with the mean and the biased variance over the last dimensions of each row alone. The same in training
 * and at inference.
 *
 * Any shape [batch, ..., sizes], and the same out. Parameters: `gamma` and `beta` [sizes], at first 1 and 0.
 *
 * @throws RangeError for an option out of its range; TypeError for an unknown option; ShapeError when the model is made
 *   and the input does not have as many dimensions of fixed sizes beside the batch
 * @example sequential(linear(64), layerNorm(), gelu(), linear(10))
 */
export function layerNorm(options?: LayerNormOptions): Layer {
  const given = checkOptions('layerNorm', options, ['dimensions', 'epsilon', 'scale', 'center', 'name'])
  const dimensions = integerOption('layerNorm', 'dimensions', given.dimensions, 1, { atLeast: 1 })
  const epsilon = numberOption('layerNorm', 'epsilon', given.epsilon, 1e-5, { atLeast: 0 })
  const scale = booleanOption('layerNorm', 'scale', given.scale, true)
  const center = booleanOption('layerNorm', 'center', given.center, true)
  return layerOf('layerNorm', given.name, { dimensions, epsilon, scale, center }, (context, x) => {
    const own = x.shape.slice(1).slice(-dimensions)
    if (own.length < dimensions || !isStatic(own))
      throw new ShapeError(
        expectation(
          `layerNorm in layer '${context.path}'`,
          `an input with ${dimensions} dimensions of fixed sizes beside the batch`,
          formatShape(x.shape)
        ),
        { expected: dimensions, actual: describe(formatShape(x.shape)) }
      )
    const gamma = scale ? context.parameter('gamma', own, ones()) : null
    const beta = center ? context.parameter('beta', own, zeros()) : null
    return ops.layerNorm(x, gamma, beta, { dimensions, epsilon })
  })
}
