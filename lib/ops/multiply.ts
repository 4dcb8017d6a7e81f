import { binaryOperation } from './binary.js'

/**
 * a · b, element by element. Shapes broadcast and errors are thrown as in `add`.
 *
 * @param a any shape, or a number
 * @param b a shape that broadcasts with a's, or a number
 */
export const multiply: ReturnType<typeof binaryOperation> = binaryOperation('multiply', [
  ({ b, upstream }) => multiply(upstream, b),
  ({ a, upstream }) => multiply(upstream, a)
])
