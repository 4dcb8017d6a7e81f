import type { Value } from '../graph/graph.js'
import { type ReduceOptions, reduceBy } from './reduce.js'

/**
 * The mean over some dimensions, summed in float64, rounded once.
 *
 * @param x any shape
 * @param options `axes`, all unless said otherwise; `keepDimensions`
 * @returns x's shape without the axes, or with 1 in their place; [1] where the mean is over all and none is kept
 * @throws ShapeError for an axis that x does not have
 */
export function mean(x: Value, options?: ReduceOptions): Value {
  return reduceBy(x, 'mean', options)
}
