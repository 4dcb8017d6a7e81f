import { describe, expectation, outOfRange, ShapeError, withCode, wrongKind } from '../errors.js'
import type { Value } from '../graph/graph.js'
import { noneIgnored } from '../kernels/labels.js'
import { labelWeight } from '../ops/label-weight.js'
import { literal } from '../ops/literal.js'
import { matmul } from '../ops/matmul.js'
import { reshape } from '../ops/reshape.js'
import { softmaxCrossEntropy as crossEntropyOf, ignoreOption } from '../ops/softmax-cross-entropy.js'
import { checkOptions, choiceOption, numberOption } from '../options.js'
import type { Loss, WeightedLoss } from '../programs/types.js'
import { formatShape } from '../shape.js'

export interface SoftmaxCrossEntropyOptions {
  /** What `y` holds: a class number a row, or a row's probability of each class. Default 'classes'. */
  readonly labels?: 'classes' | 'probabilities'
  /** ε, 0 … 1: every target is mixed with the uniform one, (1 − ε) · t + ε/classes. Default 0. */
  readonly labelSmoothing?: number
  /** A class number, any integer of 32 bits, whose rows weigh 0: in the loss and in metrics. Default: none. */
  readonly ignoreIndex?: number
  /** A weight for each class, none negative, in place of 1: what the rows of that class weigh. */
  readonly classWeight?: ArrayLike<number>
}

/** As a loss keeps them. */
interface Settings {
  readonly labels?: 'probabilities'
  readonly labelSmoothing?: number
  readonly ignoreIndex?: number
  readonly classWeight?: readonly number[]
}

const owner = 'softmaxCrossEntropy'

/**
 * Cross-entropy of a softmax over the last layer's outputs, which are logits: no softmax layer before it.
 * A row's loss is −Σ_c t_c · log softmax(logits)_c. With class numbers t is 1 for the row's class and 0 for the others, so that
 * the loss is log Σ exp(logits) − logits[class]; with `labels: 'probabilities'` t is the row of `y`.
 *
 * A batch's loss is the mean over its rows, Σ wᵣ·lᵣ / Σ wᵣ, where w is the `classWeight` of the row's class (with
 * probabilities, their mean Σ_c t_c · classWeight_c), 0 for a row of class `ignoreIndex`, 1 without either, times the row's
 * `sampleWeight`. Where all weights are 0 the loss is 0, and nothing is learned from the batch.
 *
 * Label smoothing: Szegedy et al. 2016, "Rethinking the Inception architecture", section 7. It leaves the weights alone:
 * a row weighs what its class does.
 *
 * Output [batch, classes]; `y` holds class numbers 0 … classes − 1, one a row; or probabilities [batch, classes], each in
 * 0 … 1, whose sum is 1 within 0.01.
 *
 * @throws TypeError, RangeError for options. At the first step ShapeError where the output is not [batch, classes], or the
 * class weights are not one a class
 * @example net.trainer({ loss: softmaxCrossEntropy({ labelSmoothing: 0.1 }), optimizer: adam() })
 */
export function softmaxCrossEntropy(options?: SoftmaxCrossEntropyOptions): Loss {
  const given = checkOptions(owner, options, ['labels', 'labelSmoothing', 'ignoreIndex', 'classWeight'], {
    fromLogits: 'The output is logits, always',
    weight: 'Use classWeight',
    reduction: 'The loss is the weighted mean, always'
  })
  const soft = choiceOption(owner, 'labels', given.labels, 'classes', ['classes', 'probabilities']) === 'probabilities'
  const labelSmoothing = numberOption(owner, 'labelSmoothing', given.labelSmoothing, 0, { atLeast: 0, atMost: 1 })
  const ignoreIndex = ignoreOption(owner, given.ignoreIndex)
  if (soft && ignoreIndex !== undefined)
    throw outOfRange(owner, "ignoreIndex with labels 'classes' alone", ignoreIndex, 'Give such rows a sampleWeight of 0')
  const classWeight = weightOption(given.classWeight)
  const settings: Settings = {
    ...(soft ? { labels: 'probabilities' } : {}),
    ...(labelSmoothing > 0 ? { labelSmoothing } : {}),
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
    ...(classWeight === undefined ? {} : { classWeight })
  }
  return Object.freeze({
    kind: owner,
    options: { ...settings },
    target: soft ? 'values' : 'classes',
    ...(soft ? { bounds: 'probabilities' as const } : {}),
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
    apply
  })
}

// One function for all: losses of equal options are the same to whoever keeps a plan.
function apply(this: Loss, logits: Value, target: Value): Value | WeightedLoss {
  const { labels, labelSmoothing = 0, ignoreIndex, classWeight } = this.options as Settings
  const loss = crossEntropyOf(logits, target, { labelSmoothing, ...(ignoreIndex === undefined ? {} : { ignoreIndex }) })
  if (!classWeight && ignoreIndex === undefined) return loss
  const [rows, classes] = logits.shape
  if (classWeight && classWeight.length !== classes)
    throw new ShapeError(
      expectation(owner, `classWeight to hold one weight a class, for an output of shape ${formatShape(logits.shape)}`, classWeight.length),
      { expected: classes, actual: classWeight.length }
    )
  const weights = classWeight ? literal(logits.graph, classWeight) : null
  if (labels === 'probabilities') return { loss, weight: reshape(matmul(target, reshape(weights!, [classes!, 1])), [rows!]) }
  return { loss, weight: labelWeight(target, classes!, weights, ignoreIndex ?? noneIgnored) }
}

function weightOption(value: unknown): readonly number[] | undefined {
  if (value === undefined) return undefined
  const expected = 'classWeight to be an array of finite numbers, none negative'
  if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && 'length' in value)) throw wrongKind(owner, expected, value, 'One a class')
  const weights = Array.from(value as ArrayLike<number>)
  for (const [index, weight] of weights.entries()) {
    if (typeof weight === 'number' && Number.isFinite(Math.fround(weight)) && weight >= 0) continue
    throw withCode(new RangeError(expectation(owner, expected, `classWeight[${index}] = ${describe(weight)}`)), 'EVENKEEL_RANGE')
  }
  return weights
}
