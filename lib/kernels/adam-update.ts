import { readSegment, segment } from './segments.js'
import { type PortableKernel, Status } from './types.js'

const { fround } = Math

/**
 * Rounded after each operation: m ← β₁m + (1−β₁)g; v ← β₂v + ((1−β₂)g)g; p ← p − (a·m)/(b·√v + ε). decoupled 1: first
 * p ← p·(1 − lr·λ); decoupled 0: g is g + λp. What lies in no segment is not touched.
 */
export const adamUpdate: PortableKernel = ({ operands, dims, scalars }) => {
  const [parameters, firstMoments, secondMoments, gradients, table] = operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float64Array
  ]
  const [count, segments] = dims as [number, number]
  const learningRate = scalars[0]!
  const decoupled = scalars[6] !== 0
  const b = fround(scalars[2]!)
  const beta1 = fround(scalars[3]!)
  const beta2 = fround(scalars[4]!)
  const rest1 = fround(1 - scalars[3]!)
  const rest2 = fround(1 - scalars[4]!)
  const epsilon = fround(scalars[5]!)
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    const a = fround(scalars[1]! * segment.rateFactor)
    const decay = fround(decoupled ? 1 - learningRate * segment.rateFactor * segment.weightDecay : segment.weightDecay)
    for (let i = segment.start; i < segment.end; i++) {
      const p = decoupled ? fround(parameters[i]! * decay) : parameters[i]!
      const g = decoupled ? gradients[i]! : fround(gradients[i]! + fround(decay * p))
      const m = fround(fround(beta1 * firstMoments[i]!) + fround(rest1 * g))
      const v = fround(fround(beta2 * secondMoments[i]!) + fround(fround(rest2 * g) * g))
      firstMoments[i] = m
      secondMoments[i] = v
      parameters[i] = p - fround(fround(a * m) / fround(fround(b * fround(Math.sqrt(v))) + epsilon))
    }
  }
  return Status.ok
}
