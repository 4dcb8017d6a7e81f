import { exp } from './exp.js'
import { multiply } from './multiply.js'
import { negate } from './negate.js'
import { square } from './square.js'
import { unaryOperation } from './unary.js'

/** The error function 2/√π · ∫₀ˣ e^−t² dt, within 3 ulp. Any shape. */
export const erf = unaryOperation('erf', ({ x, upstream }) => multiply(upstream, multiply(exp(negate(square(x))), 2 / Math.sqrt(Math.PI))))
