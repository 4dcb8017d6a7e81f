import { wrongKind } from '../errors.js'
import type { Value } from '../graph/graph.js'
import { fill } from './fill.js'

/**
 * One number everywhere, in x's shape. x's own numbers do not matter, and no gradient flows.
 *
 * @param value rounded to float32
 * @throws TypeError for a value that is no number
 */
export function fullLike(x: Value, value: number): Value {
  if (typeof value !== 'number') throw wrongKind('ops.fullLike', 'a number', value)
  return fill(x.graph, x.shape, value)
}
