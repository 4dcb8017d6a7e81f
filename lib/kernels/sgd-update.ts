import { readSegment, segment } from './segments.js'
import { type PortableKernel, Status } from './types.js'

const { fround } = Math

/**
 * Rounded after each operation: d = g + λp; u ← μu + d; p ← p − lr·u, or with nesterov 1 p ← p − lr·(d + μu). Without
 * velocities there is no momentum. lr and λ are rounded once a segment; what lies in no segment is not touched.
 * largest ← max(largest, |u|).
 */
export const sgdUpdate: PortableKernel = ({ operands, dims, scalars }) => {
  const [parameters, velocities, largest, gradients, table] = operands as [
    Float32Array,
    Float32Array | null,
    Float32Array | null,
    Float32Array,
    Float64Array
  ]
  const [count, segments] = dims as [number, number]
  let top = 0
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    const { start, end } = segment
    const part = { start, end, first: start }
    if (velocities) top = Math.max(top, updateWithMomentum(parameters, velocities, gradients, part, scalars))
    else update(parameters, gradients, part, scalars)
  }
  if (largest) largest[0] = Math.max(largest[0]!, top)
  return Status.ok
}

/** Elements start … end − 1 of parameters and velocities; their gradients start at `first`. */
export interface SgdPart {
  readonly start: number
  readonly end: number
  readonly first: number
}

/** With the rate and decay of the segment that was read last. */
export function update(
  parameters: Float32Array,
  gradients: Float32Array,
  { start, end, first }: SgdPart,
  scalars: readonly number[]
): void {
  const rate = fround(scalars[0]! * segment.rateFactor)
  const decay = fround(segment.weightDecay)
  for (let i = start; i < end; i++) {
    const p = parameters[i]!
    const direction = fround(gradients[i - start + first]! + fround(decay * p))
    parameters[i] = p - fround(rate * direction)
  }
}

/** The same with momentum; gives the largest |u|. */
export function updateWithMomentum(
  parameters: Float32Array,
  velocities: Float32Array,
  gradients: Float32Array,
  { start, end, first }: SgdPart,
  scalars: readonly number[]
): number {
  const rate = fround(scalars[0]! * segment.rateFactor)
  const decay = fround(segment.weightDecay)
  const momentum = fround(scalars[1]!)
  const nesterov = scalars[2] !== 0
  let top = 0
  for (let i = start; i < end; i++) {
    const p = parameters[i]!
    const direction = fround(gradients[i - start + first]! + fround(decay * p))
    const u = fround(fround(momentum * velocities[i]!) + direction)
    velocities[i] = u
    parameters[i] = p - fround(rate * (nesterov ? fround(direction + fround(momentum * u)) : u))
    top = Math.max(top, Math.abs(u))
  }
  return top
}
