import { binaryOperation } from './binary.js'
import { negate } from './negate.js'

/**
 * a − b, element by element. Shapes broadcast and errors are thrown as in `add`.
 *
 * @param a any shape, or a number
 * @param b a shape that broadcasts with a's, or a number
 */
export const subtract = binaryOperation('subtract', [({ upstream }) => upstream, ({ upstream }) => negate(upstream)])
