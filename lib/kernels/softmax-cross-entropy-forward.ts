import { firstBadLabel } from './labels.js'
import { shiftedLogSumExp } from './log-sum-exp.js'
import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/**
 * rowLoss[r] = logSumExp[r] + (1 − smoothing) · (max[r] − logits[r, labels[r]]) + smoothing · Σ_c (max[r] − logits[r, c]) / classes,
 * where logSumExp[r] is that of logits[r] − max[r], so that neither huge logits nor a confident prediction costs it
 * digits. A row whose label is `ignored` has the loss 0.
 */
export const softmaxCrossEntropyForward: PortableKernel = (call) => {
  const [rowLoss, logSumExp, logits, labels] = call.operands as [Float32Array, Float32Array, Float32Array, Int32Array]
  const [rows, classes] = call.dims as [number, number]
  const [smoothing, ignored] = call.scalars as [number, number]
  const bad = firstBadLabel(labels, rows, classes, ignored)
  if (bad < rows) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  for (let row = 0; row < rows; row++) {
    if (labels[row] === ignored) {
      rowLoss[row] = logSumExp[row] = 0
      continue
    }
    const start = row * classes
    const max = rowMax(logits, start, classes)
    const logSum = shiftedLogSumExp(logits, start, classes, max)
    let below = max - logits[start + labels[row]!]!
    if (smoothing > 0) below = (1 - smoothing) * below + (smoothing * totalBelow(logits, start, classes, max)) / classes
    logSumExp[row] = logSum
    rowLoss[row] = logSum + below
  }
  return Status.ok
}

/** Σ (max − logit) over a row. */
function totalBelow(logits: Float32Array, start: number, classes: number, max: number): number {
  let sum = 0
  for (let i = start; i < start + classes; i++) sum += max - logits[i]!
  return sum
}
