import { ElementLoss, type PortableKernel, Status } from './types.js'

/** dPrediction = round(dRowLoss[r] / columns) · loss'(prediction, target) */
export const elementLossBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dPrediction, dRowLoss, prediction, target] = operands as [Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  const slopeOf = slopes[scalars[0]!] ?? absolute
  const parameter = Math.fround(scalars[1]!)
  for (let row = 0; row < rows; row++) {
    const factor = Math.fround(dRowLoss[row]! / columns)
    for (let i = row * columns; i < (row + 1) * columns; i++) dPrediction[i] = factor * slopeOf(prediction[i]!, target[i]!, parameter)
  }
  return Status.ok
}

/** 0 where both are equal. */
function absolute(p: number, t: number): number {
  return Math.sign(p - t)
}

function huber(p: number, t: number, delta: number): number {
  const difference = Math.fround(p - t)
  if (difference > delta) return delta
  return difference < -delta ? -delta : difference
}

/** (1 − t) · σ(z) − positiveWeight · t · σ(−z) */
function binaryCrossEntropy(z: number, t: number, positiveWeight: number): number {
  const e = Math.exp(-Math.abs(z))
  const [above, below] = z < 0 ? [e / (1 + e), 1 / (1 + e)] : [1 / (1 + e), e / (1 + e)]
  return (1 - t) * above - positiveWeight * t * below
}

/** By code. */
const slopes: Readonly<Record<number, (p: number, t: number, parameter: number) => number>> = {
  [ElementLoss.absolute]: absolute,
  [ElementLoss.huber]: huber,
  [ElementLoss.binaryCrossEntropy]: binaryCrossEntropy
}
