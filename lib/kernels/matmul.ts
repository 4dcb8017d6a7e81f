import { activate } from './activation.js'
import { multiplyFirstRow, multiplyPanels, type PanelSource, packPanels, panelRows } from './matmul-panels.js'
import { Activation, type PortableKernel, Status } from './types.js'

/** Rows, columns and steps of k of a block: its panels take 0.5 and 1 MiB, the panel in use 16 KiB of L1. */
const blockRows = 128
const blockColumns = 256
const blockDepth = 512

/** Kept from call to call: fresh memory costs more than a small product. */
const aPanels = new Float64Array(blockRows * blockDepth)
const bPanels = new Float64Array(blockColumns * blockDepth)
const sums = new Float64Array(blockRows * blockColumns)

export interface Epilogue {
  readonly bias: Float32Array | null
  readonly scale: Float32Array | null
  readonly activation: number
  readonly slope: number
}

/**
 * out[m, n] = activation((Σ_k A[m, k] · aScale[k] · B[k, n]) · scale[n] + bias[n])
 *
 * A · aScale is rounded to float32. Each sum is one chain over k in float64, rounded once; scale, bias and activation
 * round one after the other. So a row has the same bits wherever it stands.
 */
export const matmul: PortableKernel = ({ operands, dims, scalars }) => {
  const [out, aData, bData] = operands as [Float32Array, Float32Array, Float32Array]
  const [bias, scale, aScale] = operands.slice(3) as (Float32Array | null)[]
  const [m, n, k] = dims as [number, number, number]
  const a: PanelSource = scalars[0]
    ? { data: aData, start: 0, rowStride: 1, depthStride: m, rows: m, scale: aScale! }
    : { data: aData, start: 0, rowStride: k, depthStride: 1, rows: m, scale: aScale! }
  const b: PanelSource =
    scalars[1] === 0
      ? { data: bData, start: 0, rowStride: 1, depthStride: n, rows: n, scale: null }
      : { data: bData, start: 0, rowStride: k, depthStride: 1, rows: n, scale: null }
  const epilogue = { bias: bias!, scale: scale!, activation: scalars[2]!, slope: Math.fround(scalars[3]!) }
  multiply(out, 0, a, b, k, epilogue)
  return Status.ok
}

/** out[start …] = activation(A · Bᵀ · scale + bias), the rows of b being columns of the result. */
export function multiply(out: Float32Array, start: number, a: PanelSource, b: PanelSource, k: number, epilogue: Epilogue): void {
  const [m, n] = [a.rows, b.rows]
  for (let row = 0; row < m; row += blockRows) {
    const rows = Math.min(blockRows, m - row)
    for (let column = 0; column < n; column += blockColumns) {
      const columns = Math.min(blockColumns, n - column)
      sumBlock(a, b, row, rows, column, columns, k)
      storeBlock(out, start, n, row, rows, column, columns, epilogue)
    }
  }
}

function sumBlock(a: PanelSource, b: PanelSource, row: number, rows: number, column: number, columns: number, k: number): void {
  sums.fill(0, 0, Math.ceil(rows / panelRows) * panelRows * blockColumns)
  for (let step = 0; step < k; step += blockDepth) {
    const depth = Math.min(blockDepth, k - step)
    packPanels(a, row, rows, step, depth, aPanels)
    packPanels(b, column, columns, step, depth, bPanels)
    for (let c = 0; c < columns; c += panelRows) {
      for (let r = 0; r < rows; r += panelRows) {
        const start = r * blockColumns + c
        // A row alone, the usual request to a served model, would waste three quarters of the work.
        if (r + 1 === rows) multiplyFirstRow(aPanels, r * depth, bPanels, c * depth, depth, sums, start)
        else multiplyPanels(aPanels, r * depth, bPanels, c * depth, depth, sums, start, blockColumns)
      }
    }
  }
}

function storeBlock(
  out: Float32Array,
  start: number,
  n: number,
  row: number,
  rows: number,
  column: number,
  columns: number,
  { bias, scale, activation, slope }: Epilogue
): void {
  for (let r = 0; r < rows; r++) {
    const from = r * blockColumns
    const to = start + (row + r) * n + column
    for (let c = 0; c < columns; c++) {
      let value = Math.fround(sums[from + c]!)
      if (scale) value = Math.fround(value * scale[column + c]!)
      if (bias) value = Math.fround(value + bias[column + c]!)
      out[to + c] = activation === Activation.identity ? value : activate(activation, value, slope)
    }
  }
}
