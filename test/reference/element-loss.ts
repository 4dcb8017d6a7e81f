/** Losses of one element in float64, by formulas other than the kernels'. */
export const elementLossReference: Readonly<
  Record<'absolute' | 'huber' | 'binaryCrossEntropy', (p: number, t: number, parameter: number) => number>
> = {
  absolute: (p, t) => Math.max(p - t, t - p),
  /** The infimal convolution of the square and the modulus: min over s of s²/2 + delta · |d − s|, taken at s = clamp(d). */
  huber: (p, t, delta) => {
    const s = Math.max(-delta, Math.min(delta, p - t))
    return (s * s) / 2 + delta * Math.abs(p - t - s)
  },
  /** −log σ(z) = log(1 + e⁻ᶻ) */
  binaryCrossEntropy: (z, t, weight) => weight * t * softplus(-z) + (1 - t) * softplus(z)
}

const softplus = (z: number): number => (z > 30 ? z + Math.exp(-z) : Math.log1p(Math.exp(z)))

/** Their slopes in p. */
export const elementSlopeReference: typeof elementLossReference = {
  absolute: (p, t) => (p > t ? 1 : p < t ? -1 : 0),
  huber: (p, t, delta) => Math.max(-delta, Math.min(delta, p - t)),
  binaryCrossEntropy: (z, t, weight) => (1 - t) / (1 + Math.exp(-z)) - (weight * t) / (1 + Math.exp(z))
}
