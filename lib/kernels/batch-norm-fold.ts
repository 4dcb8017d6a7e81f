import { type PortableKernel, Status } from './types.js'

/** normalize(acc·scaleIn + biasIn) = acc·scale + bias, in float64, rounded once */
export const batchNormFold: PortableKernel = ({ operands, dims, scalars }) => {
  const [scale, bias, mean, variance, gamma, beta, scaleIn, biasIn] = operands as (Float32Array | null)[]
  const epsilon = scalars[0]!
  for (let c = 0; c < dims[0]!; c++) {
    const factor = (gamma ? gamma[c]! : 1) / Math.sqrt(variance![c]! + epsilon)
    const offset = ((biasIn ? biasIn[c]! : 0) - mean![c]!) * factor + (beta ? beta[c]! : 0)
    scale![c] = (scaleIn ? scaleIn[c]! : 1) * factor
    bias![c] = offset
  }
  return Status.ok
}
