import { logSoftmaxReference } from './softmax.js'
import { sumReference } from './sum.js'

type Matrix = readonly (readonly number[])[]

/** x · wᵀ, w [outputs, inputs] row-major. */
function project(x: Matrix, w: ArrayLike<number>): number[][] {
  const inputs = x[0]!.length
  return x.map((row) =>
    Array.from({ length: w.length / inputs }, (_, o) => sumReference(row.map((value, i) => value * w[o * inputs + i]!)))
  )
}

/**
 * Multi-head self-attention of one sequence [time, features] in float64 (Vaswani et al. 2017, equation 1): by head
 * softmax(q·kᵀ/√size)·v, the heads side by side, then the output projection; plus x.
 */
export function attentionReference(
  x: Matrix,
  weights: Readonly<Record<'query' | 'key' | 'value' | 'output', ArrayLike<number>>>,
  heads: number
): number[][] {
  const [q, k, v] = [project(x, weights.query), project(x, weights.key), project(x, weights.value)] as const
  const size = q[0]!.length / heads
  const mixed = q.map((row) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (values: readonly number[]): number[] => values.slice(head * size, (head + 1) * size)
      const scores = k.map((key) => sumReference(part(row).map((value, i) => value * part(key)[i]!)) / Math.sqrt(size))
      const shares = logSoftmaxReference(scores).map(Math.exp)
      return Array.from({ length: size }, (_, i) => sumReference(v.map((value, t) => shares[t]! * part(value)[i]!)))
    }).flat()
  )
  return project(mixed, weights.output).map((row, t) => row.map((value, i) => value + x[t]![i]!))
}
