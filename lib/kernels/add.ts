import { type PortableKernel, Status } from './types.js'

/** out = a + b */
export const add: PortableKernel = ({ operands, dims }) => {
  const [out, a, b] = operands as [Float32Array, Float32Array, Float32Array]
  const count = dims[0]!
  for (let i = 0; i < count; i++) out[i] = a[i]! + b[i]!
  return Status.ok
}
