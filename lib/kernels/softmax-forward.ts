import { shiftedLogSumExp } from './log-sum-exp.js'
import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/** y = exp(x − max) / Σ exp(x − max) by rows; log 1: y = (x − max) − log Σ exp(x − max). */
export const softmaxForward: PortableKernel = ({ operands, dims, scalars }) => {
  const [y, x] = operands as [Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    const max = rowMax(x, start, columns)
    if (scalars[0]) {
      const logSum = shiftedLogSumExp(x, start, columns, max)
      for (let i = start; i < start + columns; i++) y[i] = x[i]! - max - logSum
      continue
    }
    let sum = 0
    for (let i = start; i < start + columns; i++) {
      y[i] = Math.exp(x[i]! - max)
      sum += y[i]!
    }
    for (let i = start; i < start + columns; i++) y[i] = y[i]! / sum
  }
  return Status.ok
}
