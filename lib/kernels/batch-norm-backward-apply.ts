import { activationGradients, centered, channelScale, gradientChunk } from './batch-norm-gradient.js'
import { type PortableKernel, Status } from './types.js'

/** dx = ((dz − dBeta/m) − (x − mean) · (invStd · dGamma/m)) · scale, one rounding an operation; running 1: the first two are 0 */
export const batchNormBackwardApply: PortableKernel = ({ operands, dims, scalars }) => {
  const [dx, , , x, mean, meanLow, invStd, gamma, , dGamma, dBeta] = operands as [
    Float32Array,
    Uint8Array | null,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array,
    Float32Array | null,
    Float32Array | null,
    Float32Array,
    Float32Array
  ]
  const [outer, channels, inner] = dims as [number, number, number]
  const count = outer * channels * inner
  const values = outer * inner
  const running = scalars[3] !== 0
  for (let first = 0; first < count; first += gradientChunk) {
    const end = Math.min(count, first + gradientChunk)
    const gradients = activationGradients(operands, 1, dims, scalars, first, end)
    for (let i = first; i < end; i++) {
      const c = Math.floor(i / inner) % channels
      const offset = running ? 0 : Math.fround(dBeta[c]! / values)
      const factor = running ? 0 : Math.fround((invStd[c]! * dGamma[c]!) / values)
      const difference = Math.fround(gradients[i - first]! - offset) - Math.fround(centered(mean, meanLow, x[i]!, c) * factor)
      dx[i] = Math.fround(difference) * channelScale(gamma, invStd, c)
    }
  }
  return Status.ok
}
