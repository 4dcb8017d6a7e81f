import { type PortableKernel, Status } from './types.js'

/** out[i] = value */
export const fill: PortableKernel = ({ operands, dims, scalars }) => {
  const [out] = operands as [Float32Array]
  out.fill(scalars[0]!, 0, dims[0]!)
  return Status.ok
}
