import { type PortableKernel, Status } from './types.js'

const blockRows = 64
const groupRows = 512
const stripeColumns = 256
// Kernels allocate nothing; one call runs at a time in a thread.
const sums = new Float32Array(stripeColumns)
const groupTotals = new Float64Array(stripeColumns)
const totals = new Float64Array(stripeColumns)

/**
 * out[c] = Σ_r x[r, c]: float32 sums within blocks of 64 rows, float64 across blocks in order, and across groups of
 * 8 blocks in order.
 */
export const sumRows: PortableKernel = ({ operands, dims }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let column = 0; column < columns; column += stripeColumns) {
    const width = Math.min(stripeColumns, columns - column)
    totals.fill(0)
    for (let first = 0; first < rows; first += groupRows) {
      sumGroup(x, first, Math.min(first + groupRows, rows), columns, column, width)
      for (let c = 0; c < width; c++) totals[c] = totals[c]! + groupTotals[c]!
    }
    for (let c = 0; c < width; c++) out[column + c] = totals[c]!
  }
  return Status.ok
}

function sumGroup(x: Float32Array, first: number, end: number, columns: number, column: number, width: number): void {
  groupTotals.fill(0)
  for (let block = first; block < end; block += blockRows) {
    sums.fill(0)
    for (let row = block; row < Math.min(block + blockRows, end); row++) {
      const start = row * columns + column
      for (let c = 0; c < width; c++) sums[c] = sums[c]! + x[start + c]!
    }
    for (let c = 0; c < width; c++) groupTotals[c] = groupTotals[c]! + sums[c]!
  }
}
