import { maskedMultiply } from './masked-multiply.js'
import { sign } from './sign.js'
import { unaryOperation } from './unary.js'

/** |x|. Any shape. The gradient at 0 is 0. */
export const abs = unaryOperation('abs', ({ x, upstream }) => maskedMultiply(upstream, sign(x)))
