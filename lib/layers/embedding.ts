import { expectation, outOfRange, withCode } from '../errors.js'
import * as ops from '../ops/index.js'
import { checkOptions } from '../options.js'
import { initializerFromJSON, normal } from './initializers.js'
import type { Initializer, Layer } from './layer.js'
import { layerOf } from './make-layer.js'

export interface EmbeddingOptions {
  /** Default normal({ standardDeviation: 1 }). */
  readonly weightInitializer?: Initializer
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

/**
 * A table of vectors, looked up by number: y[..., :] = weight[x[...], :].
 *
 * Input [batch, ...] of whole numbers 0 … count − 1, output [batch, ..., dimensions]. Parameter: `weight`
 * [count, dimensions]. The input is one of the model's, declared with `dtype: 'int32'`; a number that is none of the
 * table's stops the step or the prediction with an error.
 *
 * @param count vectors in the table, an integer of at least 1
 * @param dimensions of a vector, an integer of at least 1
 * @throws RangeError for another count or number of dimensions; TypeError for an unknown option, and when the model is
 *   made and the input is not int32
 * @example
 * createModel(sequential(embedding(1000, 16), flatten(), linear(2)), { input: { shape: [8], dtype: 'int32' } })
 */
export function embedding(count: number, dimensions: number, options?: EmbeddingOptions): Layer {
  for (const [what, size] of Object.entries({ count, 'number of dimensions': dimensions }))
    if (!Number.isSafeInteger(size) || size < 1) throw outOfRange('embedding', `a ${what} of at least 1`, size)
  const { weightInitializer = normal({ standardDeviation: 1 }), name } = checkOptions('embedding', options, ['weightInitializer', 'name'])
  return layerOf('embedding', name, { count, dimensions, weightInitializer }, (context, x) => {
    if (x.dtype !== 'int32')
      throw withCode(
        new TypeError(
          expectation(
            `embedding in layer '${context.path}'`,
            'an input of int32',
            x.dtype,
            "Declare it with the model: input: { shape, dtype: 'int32' }"
          )
        ),
        'EVENKEEL_TYPE'
      )
    return ops.gather(context.parameter('weight', [count, dimensions], weightInitializer), x)
  })
}

/** The layer that `options` of a saved architecture describe. */
export function embeddingFromJSON(options: Readonly<Record<string, unknown>>, name: string | undefined): Layer {
  const { count, dimensions, weightInitializer } = options as { count: number; dimensions: number; weightInitializer: unknown }
  return embedding(count, dimensions, {
    weightInitializer: initializerFromJSON(weightInitializer),
    ...(name === undefined ? {} : { name })
  })
}
