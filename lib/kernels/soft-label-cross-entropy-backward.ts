import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/**
 * dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) · Σ t − t), with t = (1 − smoothing) · target + smoothing / classes;
 * logSumExp is that of logits − max, as the forward kernel left it.
 */
export const softLabelCrossEntropyBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dLogits, logSumExp, dRowLoss, logits, target] = operands as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, classes] = dims as [number, number]
  const smoothing = scalars[0]!
  const share = smoothing / classes
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const max = rowMax(logits, start, classes)
    let total = 0
    for (let i = start; i < start + classes; i++) total += (1 - smoothing) * target[i]! + share
    for (let i = start; i < start + classes; i++) {
      const log = logits[i]! - max - logSumExp[row]!
      const t = (1 - smoothing) * target[i]! + share
      // Where p is near 1, p · Σ t − t keeps its digits as (p − 1) · Σ t + (Σ t − t).
      const slope = log > -0.5 ? Math.expm1(log) * total + (total - t) : Math.exp(log) * total - t
      dLogits[i] = dRowLoss[row]! * slope
    }
  }
  return Status.ok
}
