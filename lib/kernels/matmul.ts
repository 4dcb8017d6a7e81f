import { activate } from './activation.js'
import {
  describe,
  forget,
  multiplyFirstRow,
  multiplyPanels,
  type PanelSource,
  packPanels,
  panelRows,
  panelSource
} from './matmul-panels.js'
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
  bias: Float32Array | null
  scale: Float32Array | null
  activation: number
  slope: number
}

// Kernels allocate nothing; one call runs at a time in a thread.
const a = panelSource()
const b = panelSource()
const epilogue: Epilogue = { bias: null, scale: null, activation: Activation.identity, slope: 0 }

/**
 * out[m, n] = activation((Σ_k A[m, k] · aScale[k] · B[k, n]) · scale[n] + bias[n])
 *
 * A · aScale is rounded to float32. Each sum is one chain over k in float64, rounded once; scale, bias and activation
 * round one after the other. So a row has the same bits wherever it stands.
 */
export const matmul: PortableKernel = ({ operands, dims, scalars }) => {
  const [out, aData, bData, bias, scale, aScale] = operands as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array | null,
    Float32Array | null
  ]
  const [m, n, k] = dims as [number, number, number]
  describe(a, aData, m, k, scalars[0] !== 0, aScale)
  describe(b, bData, n, k, scalars[1] === 0)
  epilogue.bias = bias
  epilogue.scale = scale
  epilogue.activation = scalars[2]!
  epilogue.slope = Math.fround(scalars[3]!)
  multiply(out, 0, a, b, k, epilogue)
  forget(a)
  forget(b)
  epilogue.bias = epilogue.scale = null
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
