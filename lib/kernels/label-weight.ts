import { firstBadLabel } from './labels.js'
import { type PortableKernel, Status } from './types.js'

/** weight[r] = classWeight[labels[r]], 1 without classWeight; 0 for a row whose label is `ignored`. */
export const labelWeight: PortableKernel = (call) => {
  const [weight, labels, classWeight] = call.operands as [Float32Array, Int32Array, Float32Array | null]
  const [rows, classes] = call.dims as [number, number]
  const ignored = call.scalars[0]!
  const bad = firstBadLabel(labels, rows, classes, ignored)
  if (bad < rows) {
    call.detail = bad
    return Status.labelOutOfRange
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!
    weight[row] = label === ignored ? 0 : classWeight ? classWeight[label]! : 1
  }
  return Status.ok
}
