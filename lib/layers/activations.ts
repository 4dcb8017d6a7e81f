import { outOfRange } from '../errors.js'
import * as ops from '../ops/index.js'
import { checkOptions, choiceOption, numberOption } from '../options.js'
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

/**
 * x · σ(x), element by element; any shape. Also called swish (Elfwing et al. 2018, "Sigmoid-weighted linear units for
 * neural network function approximation in reinforcement learning", equation 2).
 *
 * @throws TypeError for an unknown option
 * @example sequential(linear(16), silu(), linear(1))
 */
export const silu = plain('silu', ops.silu)
/**
 * 1.0507 · elu(x, 1.6733), element by element; any shape, for networks that normalize themselves: use it with
 * `lecunNormal()` (Klambauer et al. 2017, "Self-normalizing neural networks", equation 2).
 *
 * @throws TypeError for an unknown option
 * @example sequential(linear(16, { weightInitializer: lecunNormal() }), selu(), linear(1))
 */
export const selu = plain('selu', ops.selu)

export interface GeluOptions extends ActivationOptions, ops.GeluOptions {}

/**
 * x · Φ(x), Φ the normal distribution's function, element by element; any shape. With `approximate: 'tanh'` the
 * paper's approximation x/2 · (1 + tanh(√(2/π) · (x + 0.044715x³))), within 5e-4 of it (Hendrycks & Gimpel 2016,
 * "Gaussian error linear units (GELUs)", section 2).
 *
 * @throws TypeError for an unknown option; RangeError for another approximation
 * @example sequential(linear(64), gelu(), linear(10))
 */
export function gelu(options?: GeluOptions): Layer {
  const checked = checkOptions('gelu', options, ['approximate', 'name'])
  const approximate = choiceOption('gelu', 'approximate', checked.approximate, 'none', ['none', 'tanh'])
  return layerOf('gelu', checked.name, { approximate }, (_context, x) => ops.gelu(x, { approximate }))
}

export interface EluOptions extends ActivationOptions {
  /** Where the function ends at −∞, with the sign turned; at least 0. Default 1. */
  readonly alpha?: number
}

/**
 * x where x > 0, else alpha · (eˣ − 1), element by element; any shape (Clevert et al. 2016, "Fast and accurate deep
 * network learning by exponential linear units (ELUs)", equation 10).
 *
 * @throws RangeError for an alpha below 0; TypeError for an unknown option
 * @example sequential(linear(16), elu(), linear(1))
 */
export function elu(options?: EluOptions): Layer {
  const { alpha: given, name } = checkOptions('elu', options, ['alpha', 'name'])
  const alpha = numberOption('elu', 'alpha', given, 1, { atLeast: 0, atMost: 3.4e38 })
  return layerOf('elu', name, { alpha }, (_context, x) => ops.elu(x, alpha))
}

function plain(kind: string, apply: (x: ops.Value) => ops.Value): (options?: ActivationOptions) => Layer {
  const factory = (options?: ActivationOptions): Layer => {
    const { name } = checkOptions(kind, options, ['name'])
    return layerOf(kind, name, {}, (_context, x) => apply(x))
  }
  return Object.defineProperty(factory, 'name', { value: kind })
}
