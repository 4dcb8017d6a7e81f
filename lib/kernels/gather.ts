import { firstBadLabel } from './labels.js'
import { type PortableKernel, Status } from './types.js'

/** out[o, j, i] = x[o, indices[j], i]; an index outside 0 … size − 1 is refused before anything is written. */
export const gather: PortableKernel = (call) => {
  const [out, x, indices] = call.operands as [Float32Array, Float32Array, Int32Array]
  const [outer, size, inner, count] = call.dims as [number, number, number, number]
  const bad = firstBadLabel(indices, count, size)
  if (bad < count) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  let to = 0
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < count; j++) {
      const from = (o * size + indices[j]!) * inner
      for (let i = 0; i < inner; i++) out[to++] = x[from + i]!
    }
  return Status.ok
}
