/** Σ values in float64 with what rounding loses carried along (Neumaier): good to 2⁻⁵² of the result and n²·2⁻¹⁰⁶ of Σ|values|. */
export function sumReference(values: Iterable<number>): number {
  let sum = 0
  let lost = 0
  for (const value of values) {
    const next = sum + value
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return sum + (Number.isFinite(lost) ? lost : 0)
}

export function columnOf(x: ArrayLike<number>, columns: number, column: number): number[] {
  return Array.from({ length: x.length / columns }, (_, row) => x[row * columns + column]!)
}
