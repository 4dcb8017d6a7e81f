/** Metrics in float64, straight from their definitions. `weights` has one number a row. */
export function aucReference(scores: ArrayLike<number>, labels: ArrayLike<number>, weights: ArrayLike<number>): number {
  let wins = 0
  let pairs = 0
  for (let i = 0; i < scores.length; i++)
    for (let j = 0; j < scores.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue
      const pair = weights[i]! * weights[j]!
      pairs += pair
      if (scores[i]! > scores[j]!) wins += pair
      else if (scores[i] === scores[j]) wins += pair / 2
    }
  return wins / pairs
}

/** The matrix of weights by class and prediction. */
export function confusionReference(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  weights: ArrayLike<number>,
  classes: number
): number[][] {
  return Array.from({ length: classes }, (_, i) =>
    Array.from({ length: classes }, (_, j) => {
      let sum = 0
      for (let row = 0; row < truth.length; row++) if (truth[row] === i && predicted[row] === j) sum += weights[row]!
      return sum
    })
  )
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
const over = (a: number, b: number): number => (b === 0 ? 0 : a / b)

/** Precision, recall and F1 of each class, from the matrix. */
export function classReference(matrix: readonly (readonly number[])[]): {
  precision: number[]
  recall: number[]
  f1: number[]
  occurs: boolean[]
} {
  const columns = matrix.map((_, j) => total(matrix.map((row) => row[j]!)))
  const rows = matrix.map(total)
  const precision = matrix.map((row, c) => over(row[c]!, columns[c]!))
  const recall = matrix.map((row, c) => over(row[c]!, rows[c]!))
  const f1 = precision.map((p, c) => over(2 * p * recall[c]!, p + recall[c]!))
  return { precision, recall, f1, occurs: matrix.map((_, c) => rows[c]! + columns[c]! > 0) }
}

/** Of one column. */
export function regressionReference(output: ArrayLike<number>, target: ArrayLike<number>, weights: ArrayLike<number>) {
  const w = Array.from(weights)
  const of = (f: (row: number) => number): number => total(w.map((weight, row) => (weight === 0 ? 0 : weight * f(row))))
  const error = (row: number): number => output[row]! - target[row]!
  const mean = of((row) => target[row]!) / total(w)
  const spread = of((row) => (target[row]! - mean) ** 2)
  return {
    mae: of((row) => Math.abs(error(row))) / total(w),
    rmse: Math.sqrt(of((row) => error(row) ** 2) / total(w)),
    r2: 1 - of((row) => error(row) ** 2) / spread
  }
}
