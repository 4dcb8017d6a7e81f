import { describe, expectation, outOfRange, ShapeError } from '../errors.js'
import { addBias, matmul, reshape } from '../ops/index.js'
import { checkOptions } from '../options.js'
import { formatShape } from '../shape.js'
import { heUniform, initializerFromJSON, zeros } from './initializers.js'
import type { Initializer, Layer } from './layer.js'
import { layerOf } from './make-layer.js'

export interface LinearOptions {
  /** Whether a bias is added; default true. */
  readonly bias?: boolean
  /** Default heUniform(). */
  readonly weightInitializer?: Initializer
  /** Default zeros(). */
  readonly biasInitializer?: Initializer
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

/**
 * A fully connected layer: y = x · weightᵀ + bias.
 *
 * Input [batch, ..., inputs], output [batch, ..., units]. Parameters: `weight` [units, inputs], `bias` [units].
 * The number of inputs is inferred.
 *
 * @param units outputs, an integer of at least 1
 * @throws RangeError for other `units`; TypeError for an unknown option; ShapeError when the model is made and the input has no size to connect to
 * @example
 * sequential(linear(128), relu(), linear(10))
 */
export function linear(units: number, options?: LinearOptions): Layer {
  if (!Number.isSafeInteger(units) || units < 1) throw outOfRange('linear', 'a number of units of at least 1', units)
  const {
    bias = true,
    weightInitializer = heUniform(),
    biasInitializer = zeros(),
    name
  } = checkOptions('linear', options, ['bias', 'weightInitializer', 'biasInitializer', 'name'])
  return layerOf('linear', name, { units, bias, weightInitializer, biasInitializer }, (context, input) => {
    const inputs = input.shape.at(-1)
    if (input.shape.length < 2 || typeof inputs !== 'number')
      throw new ShapeError(
        expectation(`linear in layer '${context.path}'`, 'an input of shape [batch, ..., inputs]', formatShape(input.shape)),
        {
          expected: '[batch, ..., inputs]',
          actual: describe(input.shape)
        }
      )
    const weight = context.parameter('weight', [units, inputs], weightInitializer)
    const flat = input.shape.length === 2 ? input : reshape(input, [-1, inputs])
    const product = matmul(flat, weight, { transposeB: true })
    const sum = bias ? addBias(product, context.parameter('bias', [units], biasInitializer)) : product
    return input.shape.length === 2 ? sum : reshape(sum, [...input.shape.slice(0, -1), units])
  })
}

/** The layer that `options` of a saved architecture describe. */
export function linearFromJSON(options: Readonly<Record<string, unknown>>, name: string | undefined): Layer {
  const { units, bias, weightInitializer, biasInitializer } = options as {
    units: number
    bias: boolean
    weightInitializer: unknown
    biasInitializer: unknown
  }
  return linear(units, {
    bias,
    weightInitializer: initializerFromJSON(weightInitializer),
    biasInitializer: initializerFromJSON(biasInitializer),
    ...(name === undefined ? {} : { name })
  })
}
