import { keepBits, keepScale } from './dropout.js'
import { type PortableKernel, Status } from './types.js'

/** y = kept ? x · 65536/(65536 − threshold) : +0; mask: one bit an element, 1 = kept */
export const dropoutForward: PortableKernel = ({ operands, dims, scalars }) => {
  const [y, mask, x] = operands as [Float32Array, Uint8Array, Float32Array]
  const count = dims[0]!
  const scale = keepScale(scalars[0]!)
  keepBits(mask, 0, count, scalars)
  for (let i = 0; i < count; i++) y[i] = (mask[i >>> 3]! >>> (i & 7)) & 1 ? x[i]! * scale : 0
  return Status.ok
}
