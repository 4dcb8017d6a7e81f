import { describe, expectation, outOfRange, ShapeError } from '../errors.js'
import * as ops from '../ops/index.js'
import { checkOptions } from '../options.js'
import { formatShape } from '../shape.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

export interface SoftmaxOptions {
  /** The dimension over which the results sum to 1, the batch being 0; negative counts from the end. Default −1. */
  readonly axis?: number
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

/**
 * exp(x)/Σ exp(x) along a dimension, shifted by the largest element, so that nothing overflows. Any shape.
 *
 * Not before `softmaxCrossEntropy()`, which takes logits.
 *
 * @throws RangeError for axis 0, which is the batch; TypeError for an unknown option; ShapeError when the model is made
 *   and the input has no such dimension
 * @example sequential(linear(16), softmax())
 */
export function softmax(options?: SoftmaxOptions): Layer {
  const { axis = -1, name } = checkOptions('softmax', options, ['axis', 'name'])
  if (!Number.isSafeInteger(axis) || axis === 0) throw outOfRange('softmax', 'an axis other than 0, which is the batch', axis)
  return layerOf('softmax', name, { axis }, (context, x) => {
    const dimension = axis < 0 ? x.shape.length + axis : axis
    if (dimension < 1 || dimension >= x.shape.length)
      throw new ShapeError(
        expectation(`softmax in layer '${context.path}'`, `an input with a dimension ${axis} beside the batch`, formatShape(x.shape)),
        {
          expected: axis,
          actual: describe(formatShape(x.shape))
        }
      )
    return ops.softmax(x, dimension)
  })
}
