import type { Value } from '../graph/graph.js'
import { checkOptions, choiceOption } from '../options.js'
import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

export interface GeluOptions {
  /** 'none': by the normal distribution, the default; 'tanh': the paper's approximation, within 5e-4 of it. */
  readonly approximate?: 'none' | 'tanh'
}

const derivative = unaryOperation('geluDerivative')
const exact = unaryOperation('gelu', ({ x, upstream }) => multiply(upstream, derivative(x)))
const tanhDerivative = unaryOperation('geluTanhDerivative')
const byTanh = unaryOperation('geluTanh', ({ x, upstream }) => multiply(upstream, tanhDerivative(x)))

/**
 * x · Φ(x), Φ the normal distribution's function; with `approximate: 'tanh'` x/2 · (1 + tanh(√(2/π) · (x + 0.044715x³)))
 * (Hendrycks & Gimpel 2016, "Gaussian error linear units", section 2). Any shape. The lower tail keeps its digits: the
 * result is within (x²/2 + 16) · 2⁻²⁴ of itself.
 *
 * @throws TypeError for an unknown option
 */
export function gelu(x: Value, options?: GeluOptions): Value {
  const { approximate } = checkOptions('ops.gelu', options, ['approximate'])
  return choiceOption('ops.gelu', 'approximate', approximate, 'none', ['none', 'tanh']) === 'tanh' ? byTanh(x) : exact(x)
}
