import { divide } from './divide.js'
import { unaryOperation } from './unary.js'

/** The natural logarithm, within 2 ulp: −Infinity at 0, NaN below. Any shape. */
export const log = unaryOperation('log', ({ x, upstream }) => divide(upstream, x))
