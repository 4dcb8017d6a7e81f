import { outOfRange } from '../errors.js'
import * as ops from '../ops/index.js'
import { checkOptions } from '../options.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

export interface ActivationOptions {
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

export interface LeakyReluOptions extends ActivationOptions {
  /** The slope below zero, at least 0. Default 0.01. */
  readonly slope?: number
}

/**
 * max(x, 0), element by element; any shape. NaN stays NaN; the gradient at 0 is 0 (Nair & Hinton 2010, "Rectified
 * linear units improve restricted Boltzmann machines").
 *
 * @throws TypeError for an unknown option
 * @example sequential(linear(128), batchNorm(), relu(), linear(10))
 */
export const relu = plain('relu', ops.relu)
/**
 * 1/(1 + e⁻ˣ), element by element; any shape. Between backends and instruction sets results differ within the rounding of e⁻ˣ.
 *
 * @throws TypeError for an unknown option
 * @example sequential(linear(16), sigmoid(), linear(1))
 */
export const sigmoid = plain('sigmoid', ops.sigmoid)
/**
 * tanh(x), element by element; any shape. Between backends and instruction sets results differ within rounding.
 *
 * @throws TypeError for an unknown option
 * @example sequential(linear(16, { weightInitializer: glorotUniform({ gain: 5 / 3 }) }), tanh(), linear(1))
 */
export const tanh = plain('tanh', ops.tanh)

/**
 * x where x > 0, else slope · x, element by element; any shape (Maas et al. 2013, "Rectifier nonlinearities improve
 * neural network acoustic models").
 *
 * @throws RangeError for a slope below 0; TypeError for an unknown option
 * @example sequential(linear(16), leakyRelu({ slope: 0.2 }), linear(1))
 */
export function leakyRelu(options?: LeakyReluOptions): Layer {
  const { slope = 0.01, name } = checkOptions('leakyRelu', options, ['slope', 'name'])
  if (typeof slope !== 'number' || !(slope >= 0 && slope < Number.POSITIVE_INFINITY))
    throw outOfRange('leakyRelu', 'a slope of at least 0', slope)
  return layerOf('leakyRelu', name, { slope }, (_context, x) => ops.leakyRelu(x, slope))
}

function plain(kind: string, apply: (x: ops.Value) => ops.Value): (options?: ActivationOptions) => Layer {
  const factory = (options?: ActivationOptions): Layer => {
    const { name } = checkOptions(kind, options, ['name'])
    return layerOf(kind, name, {}, (_context, x) => apply(x))
  }
  return Object.defineProperty(factory, 'name', { value: kind })
}
