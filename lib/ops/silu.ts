import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

const derivative = unaryOperation('siluDerivative')

/** x · σ(x) = x/(1 + e⁻ˣ), also called swish (Elfwing et al. 2018, "Sigmoid-weighted linear units", equation 2). Any shape. */
export const silu = unaryOperation('silu', ({ x, upstream }) => multiply(upstream, derivative(x)))
