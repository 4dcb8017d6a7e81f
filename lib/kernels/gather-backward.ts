import { firstBadLabel } from './labels.js'
import { type PortableKernel, Status } from './types.js'

/** dx[o, s, i] = Σ dy[o, j, i] over the j with indices[j] = s, in the order of j, each addition rounded to float32. */
export const gatherBackward: PortableKernel = (call) => {
  const [dx, dy, indices] = call.operands as [Float32Array, Float32Array, Int32Array]
  const [outer, size, inner, count] = call.dims as [number, number, number, number]
  const bad = firstBadLabel(indices, count, size)
  if (bad < count) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  dx.fill(0, 0, outer * size * inner)
  let from = 0
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < count; j++) {
      const to = (o * size + indices[j]!) * inner
      for (let i = 0; i < inner; i++) dx[to + i] = dx[to + i]! + dy[from++]!
    }
  return Status.ok
}
