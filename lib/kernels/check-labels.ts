import { firstBadLabel } from './labels.js'
import { type PortableKernel, Status } from './types.js'

/** The status says whether all are `ignored` or in 0 … classes − 1; detail is the index of the first that is not. */
export const checkLabels: PortableKernel = (call) => {
  const [count, classes] = call.dims as [number, number]
  const bad = firstBadLabel(call.operands[0] as Int32Array, count, classes, call.scalars[0]!)
  if (bad === count) return Status.ok
  call.detail = bad
  return Status.labelOutOfRange
}
