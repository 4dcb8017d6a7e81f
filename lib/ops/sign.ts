import { unaryOperation } from './unary.js'

/** −1 for x < 0, 1 for x > 0, else x itself: ±0, NaN. Any shape. No gradient. */
export const sign = unaryOperation('sign', null)
