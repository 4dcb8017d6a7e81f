/** A small feed-forward network in float64, straight from the formulas: the oracle of whole training steps. */
export interface ReferenceLayer {
  readonly kind: 'linear' | 'batchNorm' | 'relu' | 'dropout'
  /** Of linear: [units, inputs] by rows. */
  readonly weight?: Float64Array
  /** Of linear under weight normalization: rows of v scaled to these lengths. */
  readonly g?: Float64Array
  readonly bias?: Float64Array
  readonly gamma?: Float64Array
  readonly beta?: Float64Array
  /** Of dropout: what each element is multiplied by. */
  readonly factors?: Float64Array
}

export type Matrix = readonly Float64Array[]

export function referenceForward(layers: readonly ReferenceLayer[], input: Matrix, epsilon = 1e-5): Matrix {
  return layers.reduce((x, layer) => apply(layer, x, epsilon), input)
}

function apply(layer: ReferenceLayer, x: Matrix, epsilon: number): Matrix {
  switch (layer.kind) {
    case 'linear':
      return x.map((row) => linearRow(layer, row))
    case 'batchNorm':
      return normalize(layer, x, epsilon)
    case 'relu':
      return x.map((row) => row.map((value) => Math.max(value, 0)))
    case 'dropout':
      return x.map((row, r) => row.map((value, c) => value * layer.factors![r * row.length + c]!))
  }
}

function linearRow({ weight, g, bias }: ReferenceLayer, row: Float64Array): Float64Array {
  const units = weight!.length / row.length
  return Float64Array.from({ length: units }, (_, unit) => {
    const weights = weight!.subarray(unit * row.length, (unit + 1) * row.length)
    const dot = weights.reduce((sum, value, i) => sum + value * row[i]!, 0)
    const scale = g ? g[unit]! / Math.hypot(...weights) : 1
    return dot * scale + (bias ? bias[unit]! : 0)
  })
}

function normalize({ gamma, beta }: ReferenceLayer, x: Matrix, epsilon: number): Matrix {
  const channels = x[0]!.length
  const mean = Float64Array.from({ length: channels }, (_, c) => x.reduce((sum, row) => sum + row[c]!, 0) / x.length)
  const variance = mean.map((center, c) => x.reduce((sum, row) => sum + (row[c]! - center) ** 2, 0) / x.length)
  return x.map((row) =>
    row.map((value, c) => ((value - mean[c]!) / Math.sqrt(variance[c]! + epsilon)) * (gamma ? gamma[c]! : 1) + (beta ? beta[c]! : 0))
  )
}

/** Mean over rows of −log softmax(logits)[label]. */
export function referenceCrossEntropy(logits: Matrix, labels: ArrayLike<number>): number {
  let total = 0
  for (const [r, row] of logits.entries()) {
    const most = Math.max(...row)
    total += most + Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0)) - row[labels[r]!]!
  }
  return total / logits.length
}

/** d f / d values[index] by central differences. */
export function centralDifference(f: () => number, values: Float64Array, index: number, step = 1e-5): number {
  const before = values[index]!
  values[index] = before + step
  const above = f()
  values[index] = before - step
  const below = f()
  values[index] = before
  return (above - below) / (2 * step)
}
