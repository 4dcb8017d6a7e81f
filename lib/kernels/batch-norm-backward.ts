import { batchNormBackwardApply } from './batch-norm-backward-apply.js'
import { batchNormBackwardReduce } from './batch-norm-backward-reduce.js'
import { part, zero } from './part.js'
import type { PortableKernel } from './types.js'

const reduce = part(batchNormBackwardReduce, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [0, 1, 2])
const apply = part(batchNormBackwardApply, [0, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2], [0, 1, 2, zero])

/** batchNormBackwardReduce, then batchNormBackwardApply with running 0 */
export const batchNormBackward: PortableKernel = (call) => {
  reduce(call)
  return apply(call)
}
