import { batchNormApply } from './batch-norm-apply.js'
import { batchNormStats } from './batch-norm-stats.js'
import { part } from './part.js'
import type { PortableKernel } from './types.js'

const statistics = part(batchNormStats, [2, 3, 4, 5, 6], [0])
const apply = part(batchNormApply, [0, 1, 6, 2, 3, 5, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8, 9])

/** batchNormStats, then batchNormApply */
export const batchNormForward: PortableKernel = (call) => {
  statistics(call)
  return apply(call)
}
