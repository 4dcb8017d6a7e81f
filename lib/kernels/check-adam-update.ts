import { updateMoments } from './adam-update.js'
import { farFromOverflow, largestInSegments, nonFiniteGradient, smallStep, tryUpdate } from './check-update.js'
import { readSegment, segment } from './segments.js'
import { type PortableKernel, Status } from './types.js'

const { fround } = Math

/**
 * nonFinite where a gradient in a segment is not finite, overflow where adamUpdate would leave a parameter or moment that
 * is not. Nothing is written. largest: bounds of |m| and |v|; without it all are read.
 */
export const checkAdamUpdate: PortableKernel = (call) => {
  const [parameters, firstMoments, secondMoments, largest, gradients, table] = call.operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array,
    Float64Array
  ]
  const { scalars } = call
  const [count, segments] = call.dims as [number, number]
  const gradient = largestInSegments(gradients, table, count, segments)
  if (!(gradient < Number.POSITIVE_INFINITY)) return nonFiniteGradient(call, gradients, table)
  // Where weight decay is part of the gradient, the parameters are too.
  const coupled = scalars[6] === 0 && anyWeightDecay(table, segments)
  const parameter = coupled ? largestInSegments(parameters, table, count, segments) : 0
  if (largest && staysFinite(table, call.dims, scalars, { gradient, parameter, largest })) return Status.ok
  return tryUpdate(call, [parameters, firstMoments, secondMoments], table, ([p, m, v], first, end) => {
    updateMoments([p!, m!, v!], gradients, { start: 0, end, first }, scalars)
  })
}

function anyWeightDecay(table: Float64Array, segments: number): boolean {
  const columns = table.length / Math.max(1, segments)
  for (let row = 0; row < segments; row++) if (table[row * columns + 3] !== 0) return true
  return false
}

function staysFinite(
  table: Float64Array,
  dims: readonly number[],
  scalars: readonly number[],
  { gradient, parameter, largest }: { readonly gradient: number; readonly parameter: number; readonly largest: Float32Array }
): boolean {
  const decoupled = scalars[6] !== 0
  const [b, epsilon] = [fround(scalars[2]!), fround(scalars[5]!)]
  const [beta1, rest1] = [fround(scalars[3]!), fround(1 - scalars[3]!)]
  const [beta2, rest2] = [fround(scalars[4]!), fround(1 - scalars[4]!)]
  // Every comparison is false for NaN.
  if (!(beta1 >= 0 && rest1 >= 0 && beta2 >= 0 && rest2 >= 0 && b >= 0 && epsilon > 0)) return false
  for (let row = 0; row < dims[1]!; row++) {
    if (!readSegment(table, row, dims[0]!)) continue
    const a = fround(scalars[1]! * segment.rateFactor)
    const decay = fround(decoupled ? 1 - scalars[0]! * segment.rateFactor * segment.weightDecay : segment.weightDecay)
    const g = decoupled ? gradient : gradient + Math.abs(decay) * parameter
    const m = beta1 * largest[0]! + rest1 * g
    const v = beta2 * largest[1]! + rest2 * g * g
    if (decoupled && !(Math.abs(decay) <= 1)) return false
    if (!(a >= 0 && g <= farFromOverflow && m <= farFromOverflow && v <= farFromOverflow)) return false
    if (!(b * Math.sqrt(v) <= farFromOverflow && a * m <= farFromOverflow && a * m <= smallStep * epsilon)) return false
  }
  return true
}
