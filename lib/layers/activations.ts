import { outOfRange } from '../errors.js'
import type { Value } from '../graph/graph.js'
import * as activation from '../ops/activation.js'
import { checkOptions } from '../options.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

export interface ActivationOptions {
  readonly name?: string
}

export interface LeakyReluOptions extends ActivationOptions {
  /** The slope below zero, at least 0. Default 0.01. */
  readonly slope?: number
}

/** max(x, 0), element by element; any shape. NaN stays NaN. */
export const relu = plain('relu', activation.relu)
/** 1/(1 + e⁻ˣ), element by element; any shape. */
export const sigmoid = plain('sigmoid', activation.sigmoid)
/** tanh(x), element by element; any shape. */
export const tanh = plain('tanh', activation.tanh)

/**
 * x where x > 0, else slope · x, element by element; any shape (Maas et al. 2013, "Rectifier nonlinearities improve
 * neural network acoustic models").
 *
 * @throws RangeError for a slope below 0
 */
export function leakyRelu(options?: LeakyReluOptions): Layer {
  const { slope = 0.01, name } = checkOptions('leakyRelu', options, ['slope', 'name'])
  if (typeof slope !== 'number' || !(slope >= 0 && slope < Number.POSITIVE_INFINITY))
    throw outOfRange('leakyRelu', 'a slope of at least 0', slope)
  return layerOf('leakyRelu', name, { slope }, (_context, x) => activation.leakyRelu(x, slope))
}

function plain(kind: string, apply: (x: Value) => Value): (options?: ActivationOptions) => Layer {
  const factory = (options?: ActivationOptions): Layer => {
    const { name } = checkOptions(kind, options, ['name'])
    return layerOf(kind, name, {}, (_context, x) => apply(x))
  }
  return Object.defineProperty(factory, 'name', { value: kind })
}
