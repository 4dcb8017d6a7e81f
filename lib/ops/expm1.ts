import { add } from './add.js'
import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

/** eˣ − 1, within 3 ulp, near 0 too, where a difference would lose digits. Any shape. */
export const expm1 = unaryOperation('expm1', ({ out, upstream }) => multiply(upstream, add(out, 1)))
