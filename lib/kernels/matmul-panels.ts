/**
 * Panels: four neighbouring rows of a matrix, interleaved so that the four values of one k stand together, as
 * float64. Zero where there is no such row.
 */
export const panelRows = 4

/**
 * Where the elements of a matrix [rows, k] stand: (row, k) at start + row · rowStride + k · depthStride.
 * `scale`, one float32 factor for each k: the product is rounded to float32.
 */
export interface PanelSource {
  data: Float32Array
  start: number
  rowStride: number
  depthStride: number
  rows: number
  scale: Float32Array | null
}

const nothing = new Float32Array(0)

/** One that `describe` fills at each call. */
export const panelSource = (): PanelSource => ({ data: nothing, start: 0, rowStride: 0, depthStride: 0, rows: 0, scale: null })

/** A matrix [rows, k] from the start of `data`, or its transpose `byColumns`. */
export function describe(
  source: PanelSource,
  data: Float32Array,
  rows: number,
  k: number,
  byColumns: boolean,
  scale: Float32Array | null = null
): void {
  source.data = data
  source.start = 0
  source.rowStride = byColumns ? 1 : k
  source.depthStride = byColumns ? rows : 1
  source.rows = rows
  source.scale = scale
}

/** A kernel keeps no operand. */
export function forget(source: PanelSource): void {
  source.data = nothing
  source.scale = null
}

/** Rows first … first + count − 1 and steps k … k + depth − 1, panel after panel. */
export function packPanels(source: PanelSource, first: number, count: number, k: number, depth: number, panels: Float64Array): void {
  const { data, start, rowStride, depthStride, rows, scale } = source
  const padded = Math.ceil(count / panelRows) * panelRows
  for (let r = 0; r < padded; r++) {
    let to = (r - (r % panelRows)) * depth + (r % panelRows)
    if (r >= count || first + r >= rows) {
      for (let i = 0; i < depth; i++, to += panelRows) panels[to] = 0
      continue
    }
    let from = start + (first + r) * rowStride + k * depthStride
    if (scale) {
      for (let i = 0; i < depth; i++, from += depthStride, to += panelRows) panels[to] = Math.fround(data[from]! * scale[k + i]!)
    } else {
      for (let i = 0; i < depth; i++, from += depthStride, to += panelRows) panels[to] = data[from]!
    }
  }
}

/** sums[r · stride + c] += Σ_k a[k, r] · b[k, c], one float64 chain an element, for two panels. */
export function multiplyPanels(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  depth: number,
  sums: Float64Array,
  start: number,
  stride: number
): void {
  const row1 = start + stride
  const row2 = row1 + stride
  const row3 = row2 + stride
  let s00 = sums[start]!
  let s01 = sums[start + 1]!
  let s02 = sums[start + 2]!
  let s03 = sums[start + 3]!
  let s10 = sums[row1]!
  let s11 = sums[row1 + 1]!
  let s12 = sums[row1 + 2]!
  let s13 = sums[row1 + 3]!
  let s20 = sums[row2]!
  let s21 = sums[row2 + 1]!
  let s22 = sums[row2 + 2]!
  let s23 = sums[row2 + 3]!
  let s30 = sums[row3]!
  let s31 = sums[row3 + 1]!
  let s32 = sums[row3 + 2]!
  let s33 = sums[row3 + 3]!
  const end = aStart + depth * panelRows
  for (let i = aStart, j = bStart; i < end; i += panelRows, j += panelRows) {
    const b0 = b[j]!
    const b1 = b[j + 1]!
    const b2 = b[j + 2]!
    const b3 = b[j + 3]!
    let value = a[i]!
    s00 += value * b0
    s01 += value * b1
    s02 += value * b2
    s03 += value * b3
    value = a[i + 1]!
    s10 += value * b0
    s11 += value * b1
    s12 += value * b2
    s13 += value * b3
    value = a[i + 2]!
    s20 += value * b0
    s21 += value * b1
    s22 += value * b2
    s23 += value * b3
    value = a[i + 3]!
    s30 += value * b0
    s31 += value * b1
    s32 += value * b2
    s33 += value * b3
  }
  sums[start] = s00
  sums[start + 1] = s01
  sums[start + 2] = s02
  sums[start + 3] = s03
  sums[row1] = s10
  sums[row1 + 1] = s11
  sums[row1 + 2] = s12
  sums[row1 + 3] = s13
  sums[row2] = s20
  sums[row2 + 1] = s21
  sums[row2 + 2] = s22
  sums[row2 + 3] = s23
  sums[row3] = s30
  sums[row3 + 1] = s31
  sums[row3 + 2] = s32
  sums[row3 + 3] = s33
}

/** The same for the first row of panel a alone. */
export function multiplyFirstRow(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  depth: number,
  sums: Float64Array,
  start: number
): void {
  let s0 = sums[start]!
  let s1 = sums[start + 1]!
  let s2 = sums[start + 2]!
  let s3 = sums[start + 3]!
  const end = aStart + depth * panelRows
  for (let i = aStart, j = bStart; i < end; i += panelRows, j += panelRows) {
    const value = a[i]!
    s0 += value * b[j]!
    s1 += value * b[j + 1]!
    s2 += value * b[j + 2]!
    s3 += value * b[j + 3]!
  }
  sums[start] = s0
  sums[start + 1] = s1
  sums[start + 2] = s2
  sums[start + 3] = s3
}
