/**
 * The error function, within 2⁻³⁰ of the result: native/simd/erf-inl.h's polynomials in float64. Below 0.93
 * x + x·p(x²), above 1 − exp(−t·(1 + q(t))).
 */
export function erf(x: number): number {
  const t = Math.abs(x)
  if (t < 0.93) {
    const square = x * x
    let p = 8.316772568557656e-5
    for (const coefficient of small) p = p * square + coefficient
    return x + x * p
  }
  const bounded = Math.min(t, 4)
  let q = 1.1612529104431812e-5
  for (const coefficient of large) q = q * bounded + coefficient
  return Math.sign(x) * (1 - Math.exp(-bounded - bounded * q))
}

const small = [
  -0.0008130011996776142, 0.005199906605515279, -0.02685894148168087, 0.11283687188152258, -0.3761263318838539, 0.12837916657980414
] as const
const large = [
  -0.0003266248480979443, 0.0036580183748964566, -0.02379502422432109, 0.10627521105621665, 0.6351280948269793, 0.12865421957382317
] as const
