import { keepScale } from './dropout.js'
import { type PortableKernel, Status } from './types.js'

/** dx = kept ? dy · 65536/(65536 − threshold) : +0, by the mask of dropoutForward */
export const dropoutBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dx, dy, mask] = operands as [Float32Array, Float32Array, Uint8Array]
  const count = dims[0]!
  const scale = keepScale(scalars[0]!)
  for (let i = 0; i < count; i++) dx[i] = (mask[i >>> 3]! >>> (i & 7)) & 1 ? dy[i]! * scale : 0
  return Status.ok
}
