import { type PortableKernel, Status } from './types.js'

/** dx = y · (dy − Σ y·dy) by rows, from the output y; log 1: dx = dy − exp(y) · Σ dy. */
export const softmaxBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dx, dy, y] = operands as [Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  const log = scalars[0] !== 0
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    let sum = 0
    for (let i = start; i < start + columns; i++) sum += log ? dy[i]! : y[i]! * dy[i]!
    for (let i = start; i < start + columns; i++) dx[i] = log ? dy[i]! - Math.exp(y[i]!) * sum : y[i]! * (dy[i]! - sum)
  }
  return Status.ok
}
