import type { Value } from '../graph/graph.js'
import { binaryOperation } from './binary.js'
import type { ValueOrNumber } from './operand.js'

/*
 * Comparisons give 1 where they hold and 0 where they do not, as float32; no gradient flows through them. With NaN
 * nothing holds but notEqual. Shapes broadcast and errors are thrown as in `add`. To join them: the product is "and",
 * `maximum` is "or", 1 − x is "not".
 */

/** 1 where a = b, else 0; shapes broadcast. No gradient. */
export const equal = binaryOperation('equal', null)
/** 1 where a ≠ b, else 0; shapes broadcast. No gradient. */
export const notEqual = binaryOperation('notEqual', null)
/** 1 where a > b, else 0; shapes broadcast. No gradient. */
export const greater = binaryOperation('greater', null)
/** 1 where a ≥ b, else 0; shapes broadcast. No gradient. */
export const greaterEqual = binaryOperation('greaterEqual', null)

/** 1 where a < b, else 0; shapes broadcast. No gradient. */
export function less(a: ValueOrNumber, b: ValueOrNumber): Value {
  return greater(b, a)
}

/** 1 where a ≤ b, else 0; shapes broadcast. No gradient. */
export function lessEqual(a: ValueOrNumber, b: ValueOrNumber): Value {
  return greaterEqual(b, a)
}
