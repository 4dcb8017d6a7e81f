import { activationBackwardOf } from './activation.js'
import { type PortableKernel, Status } from './types.js'

/** dx = dy · activation'(x), the derivative taken from the output y */
export const activationBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dx, dy, y] = operands as [Float32Array, Float32Array, Float32Array]
  const count = dims[0]!
  const activation = scalars[0]!
  const slope = Math.fround(scalars[1]!)
  for (let i = 0; i < count; i++) dx[i] = activationBackwardOf(activation, dy[i]!, y[i]!, slope)
  return Status.ok
}
