import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

/** x². Any shape. */
export const square = unaryOperation('square', ({ x, upstream }) => multiply(upstream, multiply(x, 2)))
