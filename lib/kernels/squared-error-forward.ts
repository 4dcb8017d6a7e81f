import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

/** rowLoss[r] = Σ_c (prediction − target)² / columns, in float64 over fixed lanes, rounded once */
export const squaredErrorForward: PortableKernel = ({ operands, dims }) => {
  const [rowLoss, prediction, target] = operands as [Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    laneSums.fill(0)
    for (let column = 0; column < columns; column++) {
      const difference = prediction[start + column]! - target[start + column]!
      laneSums[column % sumLanes] = laneSums[column % sumLanes]! + difference * difference
    }
    rowLoss[row] = foldLanes(laneSums) / columns
  }
  return Status.ok
}
