import { binaryOperation } from './binary.js'
import { maskedMultiply } from './masked-multiply.js'
import { share } from './share.js'

/**
 * The smaller of a and b, element by element. NaN where either is NaN; of zeros the negative one. The gradient goes to
 * the smaller operand, half to each where they are equal, and where one is NaN to both, as in PyTorch. Shapes
 * broadcast and errors are thrown as in `add`. (`min` is the smallest along dimensions.)
 *
 * @param a any shape, or a number
 * @param b a shape that broadcasts with a's, or a number
 */
export const minimum = binaryOperation('minimum', [
  ({ a, b, upstream }) => maskedMultiply(upstream, share(b, a)),
  ({ a, b, upstream }) => maskedMultiply(upstream, share(a, b))
])
