import { binaryOperation } from './binary.js'
import { maskedMultiply } from './masked-multiply.js'
import { share } from './share.js'

/**
 * The larger of a and b, element by element. NaN where either is NaN; of zeros the positive one. The gradient goes to
 * the larger operand, half to each where they are equal, and where one is NaN to both, as in PyTorch. Shapes broadcast
 * and errors are thrown as in `add`. (`max` is the largest along dimensions.)
 *
 * @param a any shape, or a number
 * @param b a shape that broadcasts with a's, or a number
 */
export const maximum = binaryOperation('maximum', [
  ({ a, b, upstream }) => maskedMultiply(upstream, share(a, b)),
  ({ a, b, upstream }) => maskedMultiply(upstream, share(b, a))
])
