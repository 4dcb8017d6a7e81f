import { shiftedLogSumExp } from './log-sum-exp.js'
import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/**
 * rowLoss[r] = Σ_c t_c · (logSumExp[r] + max[r] − logits[r, c]), with t = (1 − smoothing) · target + smoothing / classes, and the
 * logSumExp of logits − max. A class whose t is 0 adds nothing, not even where its logit is −∞.
 */
export const softLabelCrossEntropyForward: PortableKernel = ({ operands, dims, scalars }) => {
  const [rowLoss, logSumExp, logits, target] = operands as [Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, classes] = dims as [number, number]
  const smoothing = scalars[0]!
  const share = smoothing / classes
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const max = rowMax(logits, start, classes)
    const logSum = shiftedLogSumExp(logits, start, classes, max)
    let total = 0
    let below = 0
    for (let i = start; i < start + classes; i++) {
      const t = (1 - smoothing) * target[i]! + share
      total += t
      if (t !== 0) below += t * (max - logits[i]!)
    }
    logSumExp[row] = logSum
    rowLoss[row] = total * logSum + below
  }
  return Status.ok
}
