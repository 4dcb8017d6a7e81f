/** out = activation((Σ_k A[m, k] · aScale[k] · B[k, n]) · scale[n] + bias[n]), in float64 from first principles. */
export interface MatmulCase {
  readonly m: number
  readonly n: number
  readonly k: number
  /** [m, k] */
  readonly a: Float32Array
  /** [k, n] */
  readonly b: Float32Array
  readonly bias: Float32Array | null
  readonly scale: Float32Array | null
  readonly aScale: Float32Array | null
}

/**
 * Before the activation: the values, and how far a float32 chain over k may be from them. Each of its k steps rounds a
 * product and a sum (one rounding where there is FMA), each at most 2⁻²⁴ of the partial sums' magnitude Σ|terms|: in
 * all (k + 1)·2⁻²⁴·Σ|terms|, second order included for k < 10⁵ by the factor 1.01. Then the product by the scale and
 * the sum with the bias round once each. 2⁻¹⁴⁹ a step is for results in the denormal range.
 */
export function matmulReference({ m, n, k, a, b, bias, scale, aScale }: MatmulCase): { values: Float64Array; bounds: Float64Array } {
  const values = new Float64Array(m * n)
  const bounds = new Float64Array(m * n)
  const unit = 2 ** -24
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      let sum = 0
      let magnitude = 0
      for (let step = k - 1; step >= 0; step--) {
        const left = aScale ? Math.fround(a[row * k + step]! * aScale[step]!) : a[row * k + step]!
        const term = left * b[step * n + column]!
        sum += term
        magnitude += Math.abs(term)
      }
      const factor = scale ? scale[column]! : 1
      const value = sum * factor + (bias ? bias[column]! : 0)
      const chain = 1.01 * (k + 1) * unit * magnitude + k * 2 ** -149
      const rounded = scale ? unit * (Math.abs(sum) + chain) * Math.abs(factor) : 0
      values[row * n + column] = value
      bounds[row * n + column] =
        chain * Math.abs(factor) + rounded + unit * (Math.abs(value) + chain * Math.abs(factor) + rounded) + 2 ** -148
    }
  }
  return { values, bounds }
}
