import { type PortableKernel, Status } from './types.js'

/** The status says whether all are finite; detail is the index of the first that is not. */
export const checkFinite: PortableKernel = (call) => {
  const x = call.operands[0] as Float32Array
  const count = call.dims[0]!
  for (let i = 0; i < count; i++) {
    const value = x[i]!
    if (value - value !== 0) {
      call.detail = i
      return Status.nonFinite
    }
  }
  return Status.ok
}
