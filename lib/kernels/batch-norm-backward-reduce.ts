import { forEachGradient, gradientOperands } from './batch-norm-gradient.js'
import { scratch } from './scratch.js'
import { type PortableKernel, Status } from './types.js'

/** dGamma = Σ dz · x̂, dBeta = Σ dz, with dz = dy through dropout and activation; summed in float64 */
export const batchNormBackwardReduce: PortableKernel = ({ operands, dims, scalars }) => {
  const [dGamma, dBeta] = operands as [Float32Array, Float32Array]
  const given = gradientOperands(operands, 2)
  const channels = dims[1]!
  const sums = scratch(channels, 2)
  forEachGradient(given, dims, scalars, (i, c, dz) => {
    // The difference in float64: in float32 it may overflow.
    const centered = given.x[i]! - given.mean[c]! - (given.meanLow ? given.meanLow[c]! : 0)
    sums[c] = sums[c]! + dz
    sums[channels + c] = sums[channels + c]! + dz * centered
  })
  for (let c = 0; c < channels; c++) {
    dBeta[c] = sums[c]!
    dGamma[c] = sums[channels + c]! * given.invStd[c]!
  }
  return Status.ok
}
