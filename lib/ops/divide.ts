import { binaryOperation } from './binary.js'
import { multiply } from './multiply.js'
import { negate } from './negate.js'

/**
 * a / b, element by element, by IEEE 754: x/0 is ±Infinity, 0/0 is NaN. Shapes broadcast and errors are thrown as in
 * `add`.
 *
 * @param a any shape, or a number
 * @param b a shape that broadcasts with a's, or a number
 */
export const divide: ReturnType<typeof binaryOperation> = binaryOperation('divide', [
  ({ b, upstream }) => divide(upstream, b),
  ({ b, out, upstream }) => negate(multiply(divide(upstream, b), out))
])
