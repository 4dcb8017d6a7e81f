import { firstBadLabel } from './labels.js'
import { rowMax } from './row-max.js'
import { type PortableKernel, Status } from './types.js'

/**
 * dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) − [c = labels[r]]); logSumExp is that of logits − max,
 * as the forward kernel left it.
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
  const bad = firstBadLabel(labels, rows, classes)
  if (bad < rows) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const max = rowMax(logits, start, classes)
    for (let i = start; i < start + classes; i++) dLogits[i] = dRowLoss[row]! * Math.exp(logits[i]! - max - logSumExp[row]!)
    // p − 1 keeps its digits when the prediction is confident.
    const label = start + labels[row]!
    dLogits[label] = dRowLoss[row]! * Math.expm1(logits[label]! - max - logSumExp[row]!)
  }
  return Status.ok
}
