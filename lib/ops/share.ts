import { binaryOperation } from './binary.js'

/** Of the gradient of the larger of a and b, what goes to a: 1 where a is larger, half where they are equal, else 0. */
export const share = binaryOperation('share', null)
