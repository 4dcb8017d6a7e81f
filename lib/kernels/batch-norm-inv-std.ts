import { type PortableKernel, Status } from './types.js'

/** invStd = 1/√(variance + ε), in float64, rounded once */
export const batchNormInvStd: PortableKernel = ({ operands, dims, scalars }) => {
  const [invStd, variance] = operands as [Float32Array, Float32Array]
  const epsilon = scalars[0]!
  for (let c = 0; c < dims[0]!; c++) invStd[c] = 1 / Math.sqrt(variance[c]! + epsilon)
  return Status.ok
}
