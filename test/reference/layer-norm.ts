/** Layer normalization by its definition, in float64 with compensated sums. */

function sum(values: readonly number[]): number {
  let total = 0
  let lost = 0
  for (const value of values) {
    const next = total + value
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total
    total = next
  }
  return total + lost
}

export interface LayerNormRow {
  readonly mean: number
  readonly variance: number
  readonly normalized: readonly number[]
}

export function layerNormRows(x: ArrayLike<number>, columns: number, epsilon: number): LayerNormRow[] {
  return Array.from({ length: columns === 0 ? 0 : x.length / columns }, (_, row) => {
    const values = Array.from({ length: columns }, (_, c) => x[row * columns + c]!)
    // Over the differences to the first element, so that a mean far away costs nothing.
    const differences = values.map((value) => value - values[0]!)
    const shift = sum(differences) / columns
    const variance = sum(differences.map((value) => (value - shift) ** 2)) / columns
    const normalized = differences.map((value) => (value - shift) / Math.sqrt(variance + epsilon))
    return { mean: values[0]! + shift, variance, normalized }
  })
}

export function layerNormReference(
  x: ArrayLike<number>,
  columns: number,
  epsilon: number,
  gamma?: ArrayLike<number>,
  beta?: ArrayLike<number>
): number[] {
  return layerNormRows(x, columns, epsilon).flatMap(({ normalized }) =>
    normalized.map((value, c) => value * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0))
  )
}

/** The gradients of Σ dy · y: of x by the chain rule through mean and variance, term by term. */
export function layerNormGradients(
  dy: ArrayLike<number>,
  x: ArrayLike<number>,
  columns: number,
  epsilon: number,
  gamma?: ArrayLike<number>
): { dx: number[]; dGamma: number[]; dBeta: number[] } {
  const rows = layerNormRows(x, columns, epsilon)
  const dx = rows.flatMap(({ variance, normalized }, row) => {
    const g = normalized.map((_, c) => dy[row * columns + c]! * (gamma?.[c] ?? 1))
    const deviation = Math.sqrt(variance + epsilon)
    const dVariance = sum(g.map((value, c) => value * normalized[c]! * deviation)) * -0.5 * deviation ** -3
    const dMean = -sum(g) / deviation
    return g.map((value, c) => value / deviation + (dVariance * 2 * normalized[c]! * deviation) / columns + dMean / columns)
  })
  const column = (term: (row: number, c: number) => number): number[] =>
    Array.from({ length: columns }, (_, c) => sum(rows.map((_, row) => term(row, c))))
  return {
    dx,
    dGamma: column((row, c) => dy[row * columns + c]! * rows[row]!.normalized[c]!),
    dBeta: column((row, c) => dy[row * columns + c]!)
  }
}
