import { segmentColumns } from './table.js'

/** The optimizers' segment table over the flat parameters: one row a parameter, its columns `segmentColumns`. */
const width = segmentColumns.length

/** The native kernels share the flat parameters among threads in chunks of this many; sums over them go chunk by chunk. */
export const segmentChunk = 16384

/** One row of the table, read by `readSegment`. Kernels allocate nothing; one call runs at a time in a thread. */
export const segment = { start: 0, end: 0, rateFactor: 0, weightDecay: 0, maxNorm: 0, rowLength: 0 }

/** False for a row that does not lie inside 0 … count, NaN among them: it is left alone. A rowLength of 0 means no rows. */
export function readSegment(table: Float64Array, row: number, count: number): boolean {
  const at = row * width
  const start = table[at]!
  const length = table[at + 1]!
  const rowLength = table[at + 5]!
  if (!(start >= 0 && length >= 0 && start + length <= count)) return false
  segment.start = Math.trunc(start)
  segment.end = segment.start + Math.trunc(length)
  segment.rateFactor = table[at + 2]!
  segment.weightDecay = table[at + 3]!
  segment.maxNorm = table[at + 4]!
  segment.rowLength = rowLength >= 1 && rowLength <= length ? Math.trunc(rowLength) : 0
  return true
}
