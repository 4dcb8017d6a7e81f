import { literalNumbers } from './table.js'
import { type PortableKernel, Status } from './types.js'

/** out[start + i] = the i-th scalar, for i < length; what lies around stays. */
export const literal: PortableKernel = ({ operands, dims, scalars }) => {
  const out = operands[0] as Float32Array
  const [count, start, length] = dims as [number, number, number]
  for (let i = 0; i < length && i < literalNumbers && start + i < count; i++) out[start + i] = scalars[i]!
  return Status.ok
}
