import { broadcastDims, broadcastOperand, forEachRow } from './broadcast.js'
import { type PortableKernel, Status } from './types.js'

const last = broadcastDims - 1

/** out = condition ≠ 0 ? a : b, each repeated along the dims of its mask; a and b may be numbers. */
export const elementwiseWhere: PortableKernel = ({ operands, dims, scalars }) => {
  const out = operands[0] as Float32Array
  const condition = broadcastOperand(0, operands[1]!, scalars[0]!, 0, dims)
  const a = broadcastOperand(1, operands[2]!, scalars[1]!, scalars[3]!, dims)
  const b = broadcastOperand(2, operands[3]!, scalars[2]!, scalars[4]!, dims)
  const [stepC, stepA, stepB] = [condition.strides[last]!, a.strides[last]!, b.strides[last]!]
  forEachRow(dims, (start, length, offsets) => {
    const [c, p, q] = offsets as [number, number, number]
    for (let i = 0; i < length; i++) out[start + i] = condition.data[c + i * stepC] !== 0 ? a.data[p + i * stepA]! : b.data[q + i * stepB]!
  })
  return Status.ok
}
