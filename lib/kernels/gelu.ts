/**
 * x times a smooth step from 0 to 1, and the derivatives: gelu, its approximation by tanh, silu. In float64, by the
 * expressions of native/simd/gelu-inl.h. 0 at −∞.
 */

const coefficients = [
  -0.02062498163951107, 0.11244409520708029, -0.22823424401861428, 0.1918131010964284, -0.07944820655716411, 0.0961706671789711,
  0.07838465074128517, 0.11023654646540937, 0.11957167234468741, 0.11968669745072139
] as const

/** Φ(x), within 2⁻²⁸ of the result in the lower tail too: Φ(−t) = e^(−t²/2) · u · p(u), u = 1/(1 + 0.3t). */
function normal(x: number): number {
  const u = 1 / (1 + 0.3 * Math.abs(x))
  let p = 0
  for (const coefficient of coefficients) p = p * u + coefficient
  const tail = Math.exp(-0.5 * x * x) * u * p
  return x < 0 ? tail : 1 - tail
}

/** 1/(1 + e⁻ˣ), and s · (1 − s): both keep their digits at either end. */
function logistic(x: number): number {
  const z = Math.exp(-Math.abs(x))
  return (x < 0 ? z : 1) / (1 + z)
}
function logisticBell(x: number): number {
  const z = Math.exp(-Math.abs(x))
  return z / ((1 + z) * (1 + z))
}

/** a · b, 0 where b is 0: b has vanished where a is infinite. */
const vanishing = (a: number, b: number): number => (b === 0 ? 0 : a * b)

const first = 2 * Math.sqrt(2 / Math.PI)
const cubic = first * 0.044715

export const gelu = (x: number): number => vanishing(x, normal(x))
export const geluDerivative = (x: number): number => normal(x) + vanishing(x, Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI))
export const geluTanh = (x: number): number => vanishing(x, logistic(x * (first + cubic * x * x)))
export const geluTanhDerivative = (x: number): number =>
  logistic(x * (first + cubic * x * x)) + vanishing(x * (first + 3 * cubic * x * x), logisticBell(x * (first + cubic * x * x)))
export const silu = (x: number): number => vanishing(x, logistic(x))
export const siluDerivative = (x: number): number => logistic(x) + vanishing(x, logisticBell(x))
