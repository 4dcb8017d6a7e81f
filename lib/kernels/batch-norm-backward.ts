import { batchNormBackwardApply } from './batch-norm-backward-apply.js'
import { batchNormBackwardReduce } from './batch-norm-backward-reduce.js'
import type { PortableKernel } from './types.js'

/** batchNormBackwardReduce, then batchNormBackwardApply with running 0 */
export const batchNormBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dx, dGamma, dBeta, ...given] = operands
  batchNormBackwardReduce({ operands: [dGamma!, dBeta!, ...given], dims, scalars, detail: 0 })
  return batchNormBackwardApply({ operands: [dx!, ...given, dGamma!, dBeta!], dims, scalars: [...scalars, 0], detail: 0 })
}
