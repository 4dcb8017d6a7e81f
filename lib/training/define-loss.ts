import { wrongKind } from '../errors.js'
import type { Value } from '../graph/graph.js'
import { checkOptions, choiceOption } from '../options.js'
import { isLoss } from '../programs/index.js'
import type { Loss, WeightedLoss } from '../programs/types.js'

/**
 * A loss as a function from values to values: the prediction [batch, ...] and the target, to one value a row, [batch], or
 * to these and a weight a row.
 */
export type LossFunction = (prediction: Value, target: Value) => Value | WeightedLoss

export interface LossDefinition {
  /** What messages call it. */
  readonly kind: string
  /** What `y` holds: class numbers, int32 [batch], or values of the output's shape. Default 'values'. */
  readonly target?: 'classes' | 'values'
  apply: LossFunction
}

/**
 * A loss of one's own, written on `evenkeel/ops`. Training minimizes its mean over the batch's rows. Over values a plain
 * function is a loss too: `net.trainer({ loss: (prediction, target) => …, optimizer })`.
 *
 * @throws TypeError for a definition that is not one. ShapeError at the first step where it does not give one value a row
 * @example
 * const hinge = defineLoss({
 *   kind: 'hinge',
 *   apply: (prediction, target) => ops.mean(ops.relu(ops.subtract(1, ops.multiply(prediction, target))), { axes: -1 })
 * })
 * const machine = createModel(linear(1), { input: [2] })
 * await machine.trainer({ loss: hinge, optimizer: sgd({ learningRate: 0.1 }) }).step({ x: [[1, 2]], y: [[-1]] })
 */
export function defineLoss(definition: LossDefinition): Loss {
  const owner = 'defineLoss'
  const { kind, target, apply } = checkOptions(owner, definition, ['kind', 'target', 'apply'])
  if (typeof kind !== 'string' || kind === '') throw wrongKind(owner, 'a kind that is a name', kind)
  if (typeof apply !== 'function') throw wrongKind(owner, 'a function apply(prediction, target)', apply)
  return Object.freeze({ kind, options: {}, target: choiceOption(owner, 'target', target, 'values', ['classes', 'values']), apply })
}

/** A loss, or a function that is one over values; undefined for anything else, such as a loss that was not called. */
export function asLoss(value: unknown): Loss | undefined {
  if (isLoss(value)) return value
  if (typeof value !== 'function' || value.length !== 2) return undefined
  return defineLoss({ kind: value.name || 'loss', apply: value as LossFunction })
}
