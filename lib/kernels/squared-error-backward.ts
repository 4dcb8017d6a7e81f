import { type PortableKernel, Status } from './types.js'

/** dPrediction = round(dRowLoss[r] · 2 / columns) · (prediction − target) */
export const squaredErrorBackward: PortableKernel = ({ operands, dims }) => {
  const [dPrediction, dRowLoss, prediction, target] = operands as [Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const factor = Math.fround((dRowLoss[row]! * 2) / columns)
    for (let i = row * columns; i < (row + 1) * columns; i++) dPrediction[i] = factor * Math.fround(prediction[i]! - target[i]!)
  }
  return Status.ok
}
