import { firstBadLabel } from './labels.js'
import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/**
 * dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) − (1 − smoothing) · [c = labels[r]] − smoothing / classes); logSumExp
 * is that of logits − max, as the forward kernel left it. 0 for a row whose label is `ignored`.
 */
export const softmaxCrossEntropyBackward: PortableKernel = (call) => {
  const [dLogits, logSumExp, dRowLoss, logits, labels] = call.operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Int32Array
  ]
  const [rows, classes] = call.dims as [number, number]
  const [smoothing, ignored] = call.scalars as [number, number]
  const bad = firstBadLabel(labels, rows, classes, ignored)
  if (bad < rows) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  const share = smoothing / classes
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    if (labels[row] === ignored) {
      dLogits.fill(0, start, start + classes)
      continue
    }
    const max = rowMax(logits, start, classes)
    for (let i = start; i < start + classes; i++) dLogits[i] = dRowLoss[row]! * (Math.exp(logits[i]! - max - logSumExp[row]!) - share)
    // p − 1 keeps its digits when the prediction is confident.
    const label = start + labels[row]!
    const others = smoothing > 0 ? smoothing - share : 0
    dLogits[label] = dRowLoss[row]! * (Math.expm1(logits[label]! - max - logSumExp[row]!) + others)
  }
  return Status.ok
}
