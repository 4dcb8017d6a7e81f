/** ‖v‖ in float64 by scaling with the largest magnitude first: neither squares nor their sum leave the range. */
export function normReference(v: ArrayLike<number>): number {
  const magnitudes = Array.from(v, Math.abs)
  const largest = Math.max(0, ...magnitudes)
  if (largest === 0) return 0
  // From small to large: an order of its own.
  return largest * Math.sqrt(magnitudes.sort((a, b) => a - b).reduce((sum, value) => sum + (value / largest) ** 2, 0))
}

/** w = g · v/‖v‖ of one row. */
export function weightNormReference(v: ArrayLike<number>, g: number): Float64Array {
  const norm = normReference(v)
  return Float64Array.from(v, (value) => (norm === 0 ? 0 : g * (value / norm)))
}

/** dg and dv of one row, from the unit vector. */
export function weightNormGradientReference(
  dw: ArrayLike<number>,
  v: ArrayLike<number>,
  g: number
): { dg: number; dv: Float64Array; absoluteDot: number } {
  const norm = normReference(v)
  if (norm === 0) return { dg: 0, dv: new Float64Array(v.length), absoluteDot: 0 }
  const unit = Float64Array.from(v, (value) => value / norm)
  const products = unit.map((value, i) => value * dw[i]!)
  const dg = products.reduceRight((sum, value) => sum + value, 0)
  const dv = Float64Array.from(dw, (value, i) => (g / norm) * (value - unit[i]! * dg))
  return { dg, dv, absoluteDot: products.reduce((sum, value) => sum + Math.abs(value), 0) }
}
