import { readSegment, segment } from './segments.js'
import { type PortableKernel, Status } from './types.js'

/**
 * Rounded after each operation: d = g + λp; u ← μu + d; p ← p − lr·u, or with nesterov 1 p ← p − lr·(d + μu). Without
 * velocities there is no momentum. lr and λ are rounded once a segment; what lies in no segment is not touched.
 */
export const sgdUpdate: PortableKernel = ({ operands, dims, scalars }) => {
  const [parameters, velocities, gradients, table] = operands as [Float32Array, Float32Array | null, Float32Array, Float64Array]
  const [count, segments] = dims as [number, number]
  const [learningRate, momentum, nesterov] = scalars as [number, number, number]
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    const rate = Math.fround(learningRate * segment.rateFactor)
    const decay = Math.fround(segment.weightDecay)
    if (velocities) updateWithMomentum(parameters, velocities, gradients, rate, decay, Math.fround(momentum), nesterov !== 0)
    else update(parameters, gradients, rate, decay)
  }
  return Status.ok
}

const { fround } = Math

function update(parameters: Float32Array, gradients: Float32Array, rate: number, decay: number): void {
  for (let i = segment.start; i < segment.end; i++) {
    const p = parameters[i]!
    const direction = fround(gradients[i]! + fround(decay * p))
    parameters[i] = p - fround(rate * direction)
  }
}

function updateWithMomentum(
  parameters: Float32Array,
  velocities: Float32Array,
  gradients: Float32Array,
  rate: number,
  decay: number,
  momentum: number,
  nesterov: boolean
): void {
  for (let i = segment.start; i < segment.end; i++) {
    const p = parameters[i]!
    const direction = fround(gradients[i]! + fround(decay * p))
    const u = fround(fround(momentum * velocities[i]!) + direction)
    velocities[i] = u
    parameters[i] = p - fround(rate * (nesterov ? fround(direction + fround(momentum * u)) : u))
  }
}
