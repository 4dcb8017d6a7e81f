import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

const fround = Math.fround

/**
 * By row, dx = invStd · ((g − a) − x̂ · b), g = dy · gamma, a = Σ g / columns, b = Σ g · x̂ / columns; the sums in float64
 * over 16 fixed lanes.
 */
export const layerNormBackward: PortableKernel = ({ operands, dims }) => {
  const [dx, dy, x, mean, meanLow, invStd, gamma] = operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null
  ]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    const [near, low, scale] = [mean[row]!, meanLow[row]!, invStd[row]!]
    laneSums.fill(0)
    for (let c = 0; c < columns; c++) laneSums[c % sumLanes] = laneSums[c % sumLanes]! + dy[start + c]! * (gamma ? gamma[c]! : 1)
    const a = fround(foldLanes(laneSums) / columns)
    laneSums.fill(0)
    const center = near + low
    for (let c = 0; c < columns; c++) {
      const product = dy[start + c]! * (gamma ? gamma[c]! : 1) * (x[start + c]! - center)
      laneSums[c % sumLanes] = laneSums[c % sumLanes]! + product
    }
    const b = fround((foldLanes(laneSums) * scale) / columns)
    for (let c = 0; c < columns; c++) {
      const g = gamma ? fround(dy[start + c]! * gamma[c]!) : dy[start + c]!
      const normalized = fround(fround(fround(x[start + c]! - near) - low) * scale)
      dx[start + c] = scale * fround(fround(g - a) - fround(normalized * b))
    }
  }
  return Status.ok
}
