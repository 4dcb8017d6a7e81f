import { sigmoid } from './activation.js'
import { multiply } from './multiply.js'
import { unaryOperation } from './unary.js'

/**
 * log(1 + eˣ), within 4 ulp at both ends: the part of a binary cross-entropy on logits that would overflow, since
 * −y · log σ(x) − (1 − y) · log(1 − σ(x)) = softplus(x) − x · y. Any shape.
 */
export const softplus = unaryOperation('softplus', ({ x, upstream }) => multiply(upstream, sigmoid(x)))
