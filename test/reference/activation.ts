/** The activations in float64, by other formulas than the kernels'. */
export const activationCodes = { identity: 0, relu: 1, leakyRelu: 2, sigmoid: 3, tanh: 4 } as const

export function activationReference(code: number, x: number, slope: number): number {
  switch (code) {
    case activationCodes.relu:
      return Number.isNaN(x) ? Number.NaN : Math.max(0, x) + 0
    case activationCodes.leakyRelu:
      return Math.max(0, x) + slope * Math.min(0, x)
    case activationCodes.sigmoid:
      return 1 / (1 + Math.exp(-x))
    case activationCodes.tanh: {
      if (Math.abs(x) > 300) return Math.sign(x)
      const grown = Math.expm1(2 * x)
      return grown / (grown + 2)
    }
    default:
      return x
  }
}

/** Central difference, in float64. */
export function activationSlopeReference(code: number, x: number, slope: number): number {
  const step = 1e-5 * Math.max(1, Math.abs(x))
  return (activationReference(code, x + step, slope) - activationReference(code, x - step, slope)) / (2 * step)
}
