import { firstBadLabel } from './labels.js'
import { type PortableKernel, Status } from './types.js'

/** out[j, c] = 1 where c = indices[j], else 0; an index outside 0 … classes − 1 is refused before anything is written. */
export const oneHot: PortableKernel = (call) => {
  const [out, indices] = call.operands as [Float32Array, Int32Array]
  const [count, classes] = call.dims as [number, number]
  const bad = firstBadLabel(indices, count, classes)
  if (bad < count) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  out.fill(0, 0, count * classes)
  for (let j = 0; j < count; j++) out[j * classes + indices[j]!] = 1
  return Status.ok
}
