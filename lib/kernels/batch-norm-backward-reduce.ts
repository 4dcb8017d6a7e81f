import { activationGradients, gradientChunk } from './batch-norm-gradient.js'
import { scratch } from './scratch.js'
import { type PortableKernel, Status } from './types.js'

/** dGamma = Σ dz · x̂, dBeta = Σ dz, with dz = dy through dropout and activation; summed in float64 */
export const batchNormBackwardReduce: PortableKernel = ({ operands, dims, scalars }) => {
  const [dGamma, dBeta, , , x, mean, meanLow, invStd] = operands as [
    Float32Array,
    Float32Array,
    Uint8Array | null,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array
  ]
  const [outer, channels, inner] = dims as [number, number, number]
  const count = outer * channels * inner
  const sums = scratch(channels, 2)
  for (let first = 0; first < count; first += gradientChunk) {
    const end = Math.min(count, first + gradientChunk)
    const gradients = activationGradients(operands, 2, dims, scalars, first, end)
    for (let i = first; i < end; i++) {
      const c = Math.floor(i / inner) % channels
      const dz = gradients[i - first]!
      sums[c] = sums[c]! + dz
      // The difference in float64: in float32 it may overflow.
      sums[channels + c] = sums[channels + c]! + dz * (x[i]! - mean[c]! - (meanLow ? meanLow[c]! : 0))
    }
  }
  for (let c = 0; c < channels; c++) {
    dBeta[c] = sums[c]!
    dGamma[c] = sums[channels + c]! * invStd[c]!
  }
  return Status.ok
}
