import { softmaxCrossEntropy as crossEntropyOf } from '../ops/softmax-cross-entropy.js'
import { squaredError } from '../ops/squared-error.js'
import { checkOptions } from '../options.js'
import type { Loss } from '../programs/types.js'

/**
 * Cross-entropy of a softmax over the last layer's outputs, which are logits: no softmax layer before it.
 * A row's loss is log Σ exp(logits) − logits[label]; a batch's is the mean over its rows.
 *
 * Output [batch, classes]; `y` holds class numbers 0 … classes − 1, one a row.
 *
 * @throws TypeError for an option: there are none. ShapeError at the first step where the output is not [batch, classes]
 * @example net.trainer({ loss: softmaxCrossEntropy(), optimizer: adam() })
 */
export function softmaxCrossEntropy(options?: Record<never, never>): Loss {
  checkOptions('softmaxCrossEntropy', options, [])
  return Object.freeze({ kind: 'softmaxCrossEntropy', options: {}, target: 'classes', apply: crossEntropyOf })
}

/**
 * The mean of (output − y)² over a row's values, and over the batch's rows.
 *
 * Output [batch, ...]; `y` holds values of the same shape.
 *
 * @throws TypeError for an option: there are none
 * @example net.trainer({ loss: meanSquaredError(), optimizer: adam() })
 */
export function meanSquaredError(options?: Record<never, never>): Loss {
  checkOptions('meanSquaredError', options, [])
  return Object.freeze({ kind: 'meanSquaredError', options: {}, target: 'values', apply: squaredError })
}
