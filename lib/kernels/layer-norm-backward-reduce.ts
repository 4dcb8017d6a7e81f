import { type PortableKernel, Status } from './types.js'

const groupRows = 512
const stripeColumns = 256
// Kernels allocate nothing; one call runs at a time in a thread.
const gamma = new Float64Array(stripeColumns)
const beta = new Float64Array(stripeColumns)
const groupGamma = new Float64Array(stripeColumns)
const groupBeta = new Float64Array(stripeColumns)

/** dGamma[c] = Σ_r dy · x̂, dBeta[c] = Σ_r dy: float64, within groups of 512 rows one chain a column, then the groups in order. */
export const layerNormBackwardReduce: PortableKernel = ({ operands, dims }) => {
  const [dGamma, dBeta, dy, x, mean, meanLow, invStd] = operands as readonly Float32Array[] as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array
  ]
  const [rows, columns] = dims as [number, number]
  for (let column = 0; column < columns; column += stripeColumns) {
    const width = Math.min(stripeColumns, columns - column)
    gamma.fill(0)
    beta.fill(0)
    for (let first = 0; first < rows; first += groupRows) {
      groupGamma.fill(0)
      groupBeta.fill(0)
      for (let row = first; row < Math.min(first + groupRows, rows); row++) {
        const start = row * columns + column
        const [center, scale] = [mean[row]! + meanLow[row]!, invStd[row]!]
        for (let c = 0; c < width; c++) {
          groupGamma[c] = groupGamma[c]! + dy[start + c]! * ((x[start + c]! - center) * scale)
          groupBeta[c] = groupBeta[c]! + dy[start + c]!
        }
      }
      for (let c = 0; c < width; c++) {
        gamma[c] = gamma[c]! + groupGamma[c]!
        beta[c] = beta[c]! + groupBeta[c]!
      }
    }
    for (let c = 0; c < width; c++) {
      dGamma[column + c] = gamma[c]!
      dBeta[column + c] = beta[c]!
    }
  }
  return Status.ok
}
