import { largestInSegments, nonFiniteGradient, smallStep, tryUpdate } from './check-update.js'
import { readSegment, segment } from './segments.js'
import { update, updateWithMomentum } from './sgd-update.js'
import { type PortableKernel, Status } from './types.js'

/**
 * nonFinite where a gradient in a segment is not finite, overflow where sgdUpdate would leave a parameter or velocity
 * that is not. Nothing is written. largest: a bound of |u|; without it all are read.
 */
export const checkSgdUpdate: PortableKernel = (call) => {
  const [parameters, velocities, largest, gradients, table] = call.operands as [
    Float32Array,
    Float32Array | null,
    Float32Array | null,
    Float32Array,
    Float64Array
  ]
  const { scalars } = call
  const [count, segments] = call.dims as [number, number]
  const gradient = largestInSegments(gradients, table, count, segments)
  if (!(gradient < Number.POSITIVE_INFINITY)) return nonFiniteGradient(call, gradients, table)
  const velocity = velocities ? (largest ? largest[0]! : Number.POSITIVE_INFINITY) : 0
  if (staysFinite(table, call.dims, scalars, gradient, velocity)) return Status.ok
  if (!velocities)
    return tryUpdate(call, [parameters], table, ([p], first, end) => {
      update(p!, gradients, { start: 0, end, first }, scalars)
    })
  return tryUpdate(call, [parameters, velocities], table, ([p, u], first, end) => {
    updateWithMomentum(p!, u!, gradients, { start: 0, end, first }, scalars)
  })
}

function staysFinite(
  table: Float64Array,
  dims: readonly number[],
  scalars: readonly number[],
  gradient: number,
  velocity: number
): boolean {
  const momentum = Math.abs(Math.fround(scalars[1]!))
  const sum = momentum * velocity + gradient
  for (let row = 0; row < dims[1]!; row++) {
    if (!readSegment(table, row, dims[0]!)) continue
    const rate = Math.fround(scalars[0]! * segment.rateFactor)
    const decay = Math.fround(segment.weightDecay)
    const step = sum * (1 + momentum) * Math.max(rate, 1)
    // Every comparison is false for NaN.
    if (!(rate >= 0 && decay >= 0 && decay <= 0.25 && rate * decay * (1 + momentum) <= 0.5)) return false
    if (!(momentum <= 1 && step <= smallStep)) return false
  }
  return true
}
