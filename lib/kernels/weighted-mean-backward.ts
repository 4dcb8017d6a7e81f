import { type PortableKernel, Status } from './types.js'

/** dValues[r] = dMean / total · round(weight[r] · factor[r]), in float64, rounded once; 0 everywhere where the total is 0. */
export const weightedMeanBackward: PortableKernel = ({ operands, dims }) => {
  const [dValues, dMean, total, weight, factor] = operands as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array | null]
  const rows = dims[0]!
  const share = total[0] === 0 ? 0 : dMean[0]! / total[0]!
  for (let row = 0; row < rows; row++) {
    const w = factor ? Math.fround(weight[row]! * factor[row]!) : weight[row]!
    dValues[row] = share * w
  }
  return Status.ok
}
