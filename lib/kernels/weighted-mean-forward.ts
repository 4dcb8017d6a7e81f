import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

/** The weights of the call before, summed lane by lane beside the values. */
const weightSums = new Float64Array(sumLanes)

/**
 * mean = Σ wᵣ · values[r] / Σ wᵣ and total = Σ wᵣ, with wᵣ = round(weight[r] · factor[r]), in float64 over fixed lanes, each
 * rounded once. A row of weight 0 adds nothing, whatever its value. A total of 0 gives the mean 0.
 */
export const weightedMeanForward: PortableKernel = ({ operands, dims }) => {
  const [mean, total, values, weight, factor] = operands as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array | null]
  const rows = dims[0]!
  laneSums.fill(0)
  weightSums.fill(0)
  for (let row = 0; row < rows; row++) {
    const w = factor ? Math.fround(weight[row]! * factor[row]!) : weight[row]!
    if (w === 0) continue
    const lane = row % sumLanes
    laneSums[lane] = laneSums[lane]! + w * values[row]!
    weightSums[lane] = weightSums[lane]! + w
  }
  const sum = foldLanes(laneSums)
  const weights = foldLanes(weightSums)
  mean[0] = weights === 0 ? 0 : sum / weights
  total[0] = weights
  return Status.ok
}
