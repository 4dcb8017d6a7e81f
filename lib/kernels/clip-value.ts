import { readSegment, segment } from './segments.js'
import { type PortableKernel, Status } from './types.js'

/** g ← −limit where g < −limit, limit where g > limit; NaN stays. */
export const clipValue: PortableKernel = ({ operands, dims, scalars }) => {
  const [gradients, table] = operands as [Float32Array, Float64Array]
  const [count, segments] = dims as [number, number]
  const limit = Math.fround(scalars[0]!)
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    for (let i = segment.start; i < segment.end; i++) {
      const g = gradients[i]!
      if (g > limit) gradients[i] = limit
      else if (g < -limit) gradients[i] = -limit
    }
  }
  return Status.ok
}
