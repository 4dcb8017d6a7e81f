import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

const fround = Math.fround

/**
 * By row, y = x̂ · gamma + beta, x̂ = ((x − mean) − meanLow) · invStd, invStd = 1/√(variance + epsilon). Mean and variance
 * in float64 over 16 fixed lanes, the variance about the float32 next to the mean, and corrected.
 */
export const layerNormForward: PortableKernel = ({ operands, dims, scalars }) => {
  const [y, mean, meanLow, invStd, x, gamma, beta] = operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array | null
  ]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    const average = sumAbout(x, start, columns, 0, false) / columns
    const near = fround(average)
    const rest = average - near
    const variance = sumAbout(x, start, columns, near, true) / columns - rest * rest
    mean[row] = near
    meanLow[row] = rest
    invStd[row] = 1 / Math.sqrt((variance <= 0 ? 0 : variance) + scalars[0]!)
    const [low, scale] = [meanLow[row]!, invStd[row]!]
    for (let c = 0; c < columns; c++) {
      let value = fround(fround(fround(x[start + c]! - near) - low) * scale)
      if (gamma) value = fround(value * gamma[c]!)
      y[start + c] = beta ? value + beta[c]! : value
    }
  }
  return Status.ok
}

/** Σ (x − shift), or of the squares. */
function sumAbout(x: Float32Array, start: number, count: number, shift: number, squares: boolean): number {
  laneSums.fill(0)
  for (let i = 0; i < count; i++) {
    const difference = x[start + i]! - shift
    laneSums[i % sumLanes] = laneSums[i % sumLanes]! + (squares ? difference * difference : difference)
  }
  return foldLanes(laneSums)
}
