import type { Value } from '../graph/graph.js'
import { absoluteError, binaryCrossEntropy as binaryOf, deltaOption, huberError, positiveWeightOption } from '../ops/element-loss.js'
import { squaredError } from '../ops/squared-error.js'
import { checkOptions } from '../options.js'
import type { Loss } from '../programs/types.js'

export { type SoftmaxCrossEntropyOptions, softmaxCrossEntropy } from './cross-entropy-loss.js'

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

/**
 * The mean of |output − y| over a row's values, and over the batch's rows (L1). Its gradient is 0 where both are equal.
 *
 * Output [batch, ...]; `y` holds values of the same shape.
 *
 * @throws TypeError for an option: there are none
 * @example net.trainer({ loss: meanAbsoluteError(), optimizer: adam() })
 */
export function meanAbsoluteError(options?: Record<never, never>): Loss {
  checkOptions('meanAbsoluteError', options, [])
  return Object.freeze({ kind: 'meanAbsoluteError', options: {}, target: 'values', apply: absoluteError })
}

export interface HuberOptions {
  /** Where the square turns into its tangent, in units of `y`; above 0. Default 1. */
  readonly delta?: number
}

/**
 * The mean over a row's values, and over the batch's rows, of d²/2 where |d| ≤ delta and delta · (|d| − delta/2) beyond, with
 * d = output − y: outliers pull no harder than delta. (Huber 1964, "Robust estimation of a location parameter".)
 *
 * Output [batch, ...]; `y` holds values of the same shape.
 *
 * @throws TypeError, RangeError for options
 * @example net.trainer({ loss: huber({ delta: 2 }), optimizer: adam() })
 */
export function huber(options?: HuberOptions): Loss {
  const { delta } = checkOptions('huber', options, ['delta'])
  return Object.freeze({ kind: 'huber', options: { delta: deltaOption('huber', delta) }, target: 'values', apply: applyHuber })
}

function applyHuber(this: Loss, output: Value, target: Value): Value {
  return huberError(output, target, this.options.delta as number)
}

export interface BinaryCrossEntropyOptions {
  /** w: what a positive target counts for against a negative one, at least 0. Default 1. */
  readonly positiveWeight?: number
}

/**
 * The mean over a row's values, and over the batch's rows, of −w · y · log σ(z) − (1 − y) · log(1 − σ(z)), for logits z: no sigmoid
 * before it. Stable for logits of any size. `positiveWeight` w scales the positive term and is no part of the mean's
 * weights, as PyTorch's `pos_weight`.
 *
 * Output [batch, ...], logits; `y` holds numbers in 0 … 1 of the same shape: 0 and 1, or soft targets between.
 *
 * @throws TypeError, RangeError for options
 * @example net.trainer({ loss: binaryCrossEntropy({ positiveWeight: 3 }), optimizer: adam() })
 */
export function binaryCrossEntropy(options?: BinaryCrossEntropyOptions): Loss {
  const owner = 'binaryCrossEntropy'
  const given = checkOptions(owner, options, ['positiveWeight'], {
    posWeight: 'Use positiveWeight',
    fromLogits: 'The output is logits, always'
  })
  const positiveWeight = positiveWeightOption(owner, given.positiveWeight)
  return Object.freeze({ kind: owner, options: { positiveWeight }, target: 'values', bounds: 'fractions', apply: applyBinary })
}

function applyBinary(this: Loss, output: Value, target: Value): Value {
  return binaryOf(output, target, this.options.positiveWeight as number)
}
