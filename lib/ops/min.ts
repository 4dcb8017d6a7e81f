import type { Value } from '../graph/graph.js'
import { extremeOperation } from './extreme.js'
import { type ReduceOptions, reduceBy } from './reduce.js'

/**
 * The smallest element over some dimensions: NaN where one of them is, +0 for zeros, +∞ over no elements. The gradient is
 * shared evenly by all that are the smallest. (`minimum` is the smaller of two values.)
 *
 * @param x any shape
 * @param options `axes`, all unless said otherwise; `keepDimensions`
 * @returns x's shape without the axes, or with 1 in their place; [1] where all are reduced and none is kept
 * @throws ShapeError for an axis that x does not have
 */
export function min(x: Value, options?: ReduceOptions): Value {
  return reduceBy(x, 'min', options, extremeOperation)
}
