import { readSegment, segment } from './segments.js'
import { type PortableKernel, Status } from './types.js'

const { fround } = Math

/**
 * Rounded after each operation: m ← β₁m + (1−β₁)g; v ← β₂v + ((1−β₂)g)g; p ← p − (a·m)/(b·√v + ε). decoupled 1: first
 * p ← p·(1 − lr·λ); decoupled 0: g is g + λp. What lies in no segment is not touched. largest ← max(largest, [|m|, |v|]).
 */
export const adamUpdate: PortableKernel = ({ operands, dims, scalars }) => {
  const [parameters, firstMoments, secondMoments, largest, gradients, table] = operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array,
    Float64Array
  ]
  const [count, segments] = dims as [number, number]
  const states = [parameters, firstMoments, secondMoments] as const
  top.fill(0)
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    const { start, end } = segment
    updateMoments(states, gradients, { start, end, first: start }, scalars)
  }
  if (largest) for (let i = 0; i < 2; i++) largest[i] = Math.max(largest[i]!, top[i]!)
  return Status.ok
}

const top = new Float32Array(2)

/**
 * Elements start … end − 1 of parameters and moments, whose gradients start at `first`, with the rate and decay of the
 * segment that was read last.
 */
export function updateMoments(
  [parameters, firstMoments, secondMoments]: readonly [Float32Array, Float32Array, Float32Array],
  gradients: Float32Array,
  { start, end, first }: { readonly start: number; readonly end: number; readonly first: number },
  scalars: readonly number[]
): void {
  const decoupled = scalars[6] !== 0
  const a = fround(scalars[1]! * segment.rateFactor)
  const b = fround(scalars[2]!)
  const beta1 = fround(scalars[3]!)
  const beta2 = fround(scalars[4]!)
  const rest1 = fround(1 - scalars[3]!)
  const rest2 = fround(1 - scalars[4]!)
  const epsilon = fround(scalars[5]!)
  const decay = fround(decoupled ? 1 - scalars[0]! * segment.rateFactor * segment.weightDecay : segment.weightDecay)
  let [topFirst, topSecond] = [top[0]!, top[1]!]
  for (let i = start; i < end; i++) {
    const p = decoupled ? fround(parameters[i]! * decay) : parameters[i]!
    const gradient = gradients[i - start + first]!
    const g = decoupled ? gradient : fround(gradient + fround(decay * p))
    const m = fround(fround(beta1 * firstMoments[i]!) + fround(rest1 * g))
    const v = fround(fround(beta2 * secondMoments[i]!) + fround(fround(rest2 * g) * g))
    firstMoments[i] = m
    secondMoments[i] = v
    parameters[i] = p - fround(fround(a * m) / fround(fround(b * fround(Math.sqrt(v))) + epsilon))
    topFirst = Math.max(topFirst, Math.abs(m))
    topSecond = Math.max(topSecond, Math.abs(v))
  }
  top[0] = topFirst
  top[1] = topSecond
}
