/** Σ wᵣ·vᵣ / Σ wᵣ with compensated sums; rows of weight 0 are left out, and without any other the mean is 0. */
export function weightedMeanReference(values: ArrayLike<number>, weights: ArrayLike<number>): { mean: number; total: number } {
  const sum = { value: 0, lost: 0 }
  const total = { value: 0, lost: 0 }
  for (let i = 0; i < values.length; i++) {
    if (weights[i] === 0) continue
    add(sum, weights[i]! * values[i]!)
    add(total, weights[i]!)
  }
  return { mean: total.value === 0 ? 0 : (sum.value + sum.lost) / (total.value + total.lost), total: total.value + total.lost }
}

/** Neumaier 1974. */
function add(sum: { value: number; lost: number }, term: number): void {
  const next = sum.value + term
  sum.lost += Math.abs(sum.value) >= Math.abs(term) ? sum.value - next + term : term - next + sum.value
  sum.value = next
}
