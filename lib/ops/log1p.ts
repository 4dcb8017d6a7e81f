import { add } from './add.js'
import { divide } from './divide.js'
import { unaryOperation } from './unary.js'

/** log(1 + x), within 3 ulp, near 0 too, where the sum would lose digits. Any shape. */
export const log1p = unaryOperation('log1p', ({ x, upstream }) => divide(upstream, add(x, 1)))
