import { type PortableKernel, Status } from './types.js'

/** How far the probabilities of a row may be from a sum of 1: what rounding to float16 may leave. */
const slack = 0.01

/**
 * The status says whether all are in 0 … 1 and, with `rowSums` 1, whether each row's sum is 1; detail is the index of the
 * first that is not, or of the first element of the first such row, whichever row comes first.
 */
export const checkFractions: PortableKernel = (call) => {
  const x = call.operands[0] as Float32Array
  const [rows, columns] = call.dims as [number, number]
  const sums = call.scalars[0] === 1
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const value = x[i]!
      if (!(value >= 0 && value <= 1)) {
        call.detail = i
        return Status.outOfRange
      }
      sum += value
    }
    if (sums && !(Math.abs(sum - 1) <= slack)) {
      call.detail = row * columns
      return Status.outOfRange
    }
  }
  return Status.ok
}
