import { activate } from './activation.js'
import { type PortableKernel, Status } from './types.js'

/** y = activation(x) */
export const activationForward: PortableKernel = ({ operands, dims, scalars }) => {
  const [y, x] = operands as [Float32Array, Float32Array]
  const count = dims[0]!
  const activation = scalars[0]!
  const slope = Math.fround(scalars[1]!)
  for (let i = 0; i < count; i++) y[i] = activate(activation, x[i]!, slope)
  return Status.ok
}
