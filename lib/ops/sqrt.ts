import { divide } from './divide.js'
import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

/** √x; NaN below 0. Any shape. The gradient at 0 is infinite: add an epsilon where x may be 0. */
export const sqrt = unaryOperation('sqrt', ({ out, upstream }) => divide(multiply(upstream, 0.5), out))
