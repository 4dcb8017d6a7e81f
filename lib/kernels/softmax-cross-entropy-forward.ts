import { firstBadLabel } from './labels.js'
import { shiftedLogSumExp } from './log-sum-exp.js'
import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/**
 * rowLoss[r] = logSumExp[r] − (logits[r, labels[r]] − max[r]), where logSumExp[r] is that of logits[r] − max[r], so
 * that neither huge logits nor a confident prediction costs it digits.
 */
export const softmaxCrossEntropyForward: PortableKernel = (call) => {
  const [rowLoss, logSumExp, logits, labels] = call.operands as [Float32Array, Float32Array, Float32Array, Int32Array]
  const [rows, classes] = call.dims as [number, number]
  const bad = firstBadLabel(labels, rows, classes)
  if (bad < rows) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const max = rowMax(logits, start, classes)
    const logSum = shiftedLogSumExp(logits, start, classes, max)
    logSumExp[row] = logSum
    rowLoss[row] = logSum + (max - logits[start + labels[row]!]!)
  }
  return Status.ok
}
