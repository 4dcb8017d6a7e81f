import { batchNormApply } from './batch-norm-apply.js'
import { batchNormStats } from './batch-norm-stats.js'
import type { PortableKernel } from './types.js'

/** batchNormStats, then batchNormApply */
export const batchNormForward: PortableKernel = (call) => {
  const [y, mask, mean, meanLow, variance, invStd, x, gamma, beta] = call.operands
  const [epsilon, ...rest] = call.scalars
  const part = { dims: call.dims, detail: 0 }
  batchNormStats({ ...part, operands: [mean!, meanLow!, variance!, invStd!, x!], scalars: [epsilon!] })
  return batchNormApply({ ...part, operands: [y!, mask!, x!, mean!, meanLow!, invStd!, gamma!, beta!], scalars: rest })
}
