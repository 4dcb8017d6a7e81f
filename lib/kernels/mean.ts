import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

/** Part of the result's definition, as the lanes are. */
const chunkElements = 16384

/** out[0] = Σ x / count, summed in float64 over fixed lanes and chunks; NaN for no elements. */
export const mean: PortableKernel = ({ operands, dims }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const count = dims[0]!
  let total = 0
  for (let chunk = 0; chunk < count; chunk += chunkElements) {
    const end = Math.min(chunk + chunkElements, count)
    laneSums.fill(0)
    for (let i = chunk; i < end; i++) laneSums[i % sumLanes] = laneSums[i % sumLanes]! + x[i]!
    total += foldLanes(laneSums)
  }
  out[0] = total / count
  return Status.ok
}
