import { outOfRange } from '../errors.js'
import type { Value } from '../graph/graph.js'
import { multiply } from './multiply.js'
import { parametricOperation } from './unary.js'

const derivative = parametricOperation('eluDerivative')
const operation = parametricOperation('elu', ({ x, upstream, parameter }) => multiply(upstream, derivative(x, parameter)))

/**
 * x where x > 0, else alpha · (eˣ − 1) (Clevert et al. 2016, "Fast and accurate deep network learning by exponential
 * linear units (ELUs)", equation 10). Any shape. The gradient at 0 is alpha.
 *
 * @param alpha at least 0; default 1
 * @throws RangeError for another alpha
 */
export function elu(x: Value, alpha = 1): Value {
  if (!(typeof alpha === 'number' && Math.fround(alpha) >= 0 && Math.fround(alpha) < Number.POSITIVE_INFINITY))
    throw outOfRange('ops.elu', 'an alpha of at least 0', alpha)
  return operation(x, alpha)
}

/** The numbers for which activations drift to mean 0 and variance 1. */
const scale = 1.0507009873554805
const seluAlpha = 1.6732632423543772

/**
 * 1.0507 · elu(x, 1.6733), for networks that normalize themselves (Klambauer et al. 2017, "Self-normalizing neural
 * networks", equation 2; the constants of its appendix). Any shape.
 */
export function selu(x: Value): Value {
  return multiply(elu(x, seluAlpha), scale)
}
