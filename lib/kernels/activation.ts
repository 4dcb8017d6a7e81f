import { Activation } from './types.js'

/**
 * The activations of one value, for kernels of their own and for those with an activation fused: the same
 * expressions, so fusing changes no bit. `x`, `y`, `dy` and `slope` are float32 values; so are the results.
 */

/** y = activation(x). Relu: NaN for NaN, x for x > 0, else +0. Leaky relu: x for x > 0, else slope·x. */
export function activate(activation: number, x: number, slope: number): number {
  switch (activation) {
    case Activation.relu:
      return Math.max(x, 0)
    case Activation.leakyRelu:
      return x > 0 ? x : Math.fround(slope * x)
    case Activation.sigmoid:
      return sigmoid(x)
    case Activation.tanh:
      return Math.fround(Math.tanh(x))
    default:
      return x
  }
}

/** From e^−|x|, so that neither end overflows and small results keep their digits. Rounded once from float64. */
function sigmoid(x: number): number {
  const z = Math.exp(-Math.abs(x))
  return Math.fround((x < 0 ? z : 1) / (1 + z))
}

/** The derivative at x, from the output y. 0 at 0 for relu, slope at 0 for leaky relu. */
export function activationGradient(activation: number, y: number, slope: number): number {
  switch (activation) {
    case Activation.relu:
      return y > 0 ? 1 : 0
    case Activation.leakyRelu:
      return y > 0 ? 1 : slope
    case Activation.sigmoid:
      return Math.fround(y * Math.fround(1 - y))
    case Activation.tanh:
      return Math.fround(1 - Math.fround(y * y))
    default:
      return 1
  }
}

/** dy times the derivative, from the output y. Relu selects rather than multiplies: +0 where y is not positive, whatever dy is. */
export function activationBackwardOf(activation: number, dy: number, y: number, slope: number): number {
  if (activation === Activation.identity) return dy
  if (activation === Activation.relu) return y > 0 ? dy : 0
  return Math.fround(dy * activationGradient(activation, y, slope))
}
