import { binaryOperation } from './binary.js'

/**
 * a · b, but 0 where b is 0, whatever a is: for gradients that do not flow there, be they infinite. It has no
 * gradient of its own.
 */
export const maskedMultiply = binaryOperation('maskedMultiply')
