import { forEachGradient, gradientOperands } from './batch-norm-gradient.js'
import { type PortableKernel, Status } from './types.js'

/** dx = ((dz − dBeta/m) − (x − mean) · (invStd · dGamma/m)) · scale, one rounding an operation; running 1: the first two are 0 */
export const batchNormBackwardApply: PortableKernel = ({ operands, dims, scalars }) => {
  const dx = operands[0] as Float32Array
  const given = gradientOperands(operands, 1)
  const [dGamma, dBeta] = operands.slice(9) as [Float32Array, Float32Array]
  const values = dims[0]! * dims[2]!
  const running = scalars[3] !== 0
  forEachGradient(given, dims, scalars, (i, c, dz, centered, scale) => {
    const offset = running ? 0 : Math.fround(dBeta[c]! / values)
    const factor = running ? 0 : Math.fround((given.invStd[c]! * dGamma[c]!) / values)
    dx[i] = Math.fround(Math.fround(dz - offset) - Math.fround(centered * factor)) * scale
  })
  return Status.ok
}
