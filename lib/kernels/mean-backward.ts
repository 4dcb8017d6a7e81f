import { type PortableKernel, Status } from './types.js'

/** dx[i] = dMean[0] / count */
export const meanBackward: PortableKernel = ({ operands, dims }) => {
  const [dx, dMean] = operands as [Float32Array, Float32Array]
  const count = dims[0]!
  dx.fill(dMean[0]! / count, 0, count)
  return Status.ok
}
