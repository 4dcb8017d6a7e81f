import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { ElementLoss, type PortableKernel, Status } from './types.js'

/** rowLoss[r] = Σ_c loss(prediction, target) / columns, in float64 over fixed lanes, rounded once. */
export const elementLossForward: PortableKernel = ({ operands, dims, scalars }) => {
  const [rowLoss, prediction, target] = operands as [Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  const lossOf = elementLosses[scalars[0]!] ?? absolute
  const parameter = Math.fround(scalars[1]!)
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    laneSums.fill(0)
    for (let column = 0; column < columns; column++) {
      const lane = column % sumLanes
      laneSums[lane] = laneSums[lane]! + lossOf(prediction[start + column]!, target[start + column]!, parameter)
    }
    rowLoss[row] = foldLanes(laneSums) / columns
  }
  return Status.ok
}

const absolute = (p: number, t: number): number => Math.abs(p - t)

/** Half the square up to delta, from there on the tangent. */
function huber(p: number, t: number, delta: number): number {
  const a = Math.abs(p - t)
  return a > delta ? delta * (a - 0.5 * delta) : 0.5 * a * a
}

/** Every term is at least 0, and one that is multiplied with 0 is left out: an infinite logit may be right. */
function binaryCrossEntropy(z: number, t: number, positiveWeight: number): number {
  const log = Math.log1p(Math.exp(-Math.abs(z)))
  const positive = t === 0 ? 0 : positiveWeight * t * (log + Math.max(-z, 0))
  const negative = t === 1 ? 0 : (1 - t) * (log + Math.max(z, 0))
  return positive + negative
}

/** By code. */
const elementLosses: Readonly<Record<number, (p: number, t: number, parameter: number) => number>> = {
  [ElementLoss.absolute]: absolute,
  [ElementLoss.huber]: huber,
  [ElementLoss.binaryCrossEntropy]: binaryCrossEntropy
}
