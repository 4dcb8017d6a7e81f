import { sumReference } from './sum.js'

/** log softmax of a row in float64: the distance to the largest, less log1p of the others' sum. */
export function logSoftmaxReference(row: readonly number[]): number[] {
  const largest = row.indexOf(Math.max(...row))
  const others = sumReference(row.filter((_, i) => i !== largest).map((value) => Math.exp(value - row[largest]!)))
  return row.map((value) => value - row[largest]! - Math.log1p(others))
}

/** Σ y·dy and the gradient of a row, from log softmax: with log, d/dx_i Σ dy·y = dy_i − p_i Σ dy. */
export function softmaxGradient(row: readonly number[], dy: readonly number[], log: boolean): number[] {
  const p = logSoftmaxReference(row).map(Math.exp)
  const sum = sumReference(log ? dy : dy.map((value, i) => value * p[i]!))
  return dy.map((value, i) => (log ? value - p[i]! * sum : p[i]! * (value - sum)))
}
