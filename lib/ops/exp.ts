import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

/** eˣ, within 2 ulp. Any shape. */
export const exp = unaryOperation('exp', ({ out, upstream }) => multiply(upstream, out))
