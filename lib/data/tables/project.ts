import { DataError, describe, wrongKind } from '../../errors.js'
import type { Cells, TableChunk } from './table.js'

/** What becomes of rows with a cell that is missing: empty, null or NaN. */
export type MissingCells = 'error' | 'skip'

/** Marks rows of a chunk that are left out. */
export type Skipped = Uint8Array

/** Rows that are written together: 32 columns of them stay in the first-level cache. */
const blockRows = 256

/** Where cells come from, for messages. */
export interface CellSource {
  readonly where: string
  readonly chunk: TableChunk
}

/**
 * Writes columns of numbers side by side: out[row · width + i] is cell `row` of column i, rounded to float32 once.
 * Missing cells become NaN.
 *
 * @returns whether a cell may be missing; also true for infinite ones
 */
export function interleave(out: Float32Array, columns: readonly NumberCells[], rows: number): boolean {
  const width = columns.length
  const strips = stripsOf(columns)
  let check = 0
  for (let start = 0; start < rows; start += blockRows) {
    const end = Math.min(rows, start + blockRows)
    for (const { at, cells, write } of strips) check += write(out.subarray(at), width, cells, start, end)
  }
  return Number.isNaN(check)
}

/** Columns that are written together. */
interface Strip {
  readonly at: number
  readonly cells: readonly NumberCells[]
  /** Gives NaN where a cell is NaN or infinite. */
  readonly write: (out: Float32Array, width: number, cells: readonly NumberCells[], start: number, end: number) => number
}

/** Four columns at a time where they are of one type: 46 ms for 32 million cells instead of 70. */
function stripsOf(columns: readonly NumberCells[]): readonly Strip[] {
  const strips: Strip[] = []
  for (let at = 0; at < columns.length; at += strips.at(-1)!.cells.length) {
    const cells = columns.slice(at, at + 4)
    if (cells.length === 4 && cells.every((column) => column instanceof Float32Array)) strips.push({ at, cells, write: fourFloats })
    else if (cells.length === 4 && cells.every((column) => column instanceof Float64Array)) strips.push({ at, cells, write: fourDoubles })
    else strips.push({ at, cells: cells.slice(0, 1), write: oneColumn })
  }
  return strips
}

function fourFloats(out: Float32Array, width: number, cells: readonly NumberCells[], start: number, end: number): number {
  const [a, b, c, d] = cells as [Float32Array, Float32Array, Float32Array, Float32Array]
  let check = 0
  for (let row = start, i = start * width; row < end; row++, i += width) {
    const p = a[row]!
    const q = b[row]!
    const r = c[row]!
    const s = d[row]!
    out[i] = p
    out[i + 1] = q
    out[i + 2] = r
    out[i + 3] = s
    check += p - p + (q - q) + (r - r) + (s - s)
  }
  return check
}

/** The same once more: V8 makes a loop fast for the one type that it sees. */
function fourDoubles(out: Float32Array, width: number, cells: readonly NumberCells[], start: number, end: number): number {
  const [a, b, c, d] = cells as [Float64Array, Float64Array, Float64Array, Float64Array]
  let check = 0
  for (let row = start, i = start * width; row < end; row++, i += width) {
    const p = a[row]!
    const q = b[row]!
    const r = c[row]!
    const s = d[row]!
    out[i] = p
    out[i + 1] = q
    out[i + 2] = r
    out[i + 3] = s
    check += p - p + (q - q) + (r - r) + (s - s)
  }
  return check
}

function oneColumn(out: Float32Array, width: number, [column]: readonly NumberCells[], start: number, end: number): number {
  let check = 0
  for (let row = start, i = start * width; row < end; row++, i += width) {
    const value = column![row]!
    out[i] = value
    check += value - value
  }
  return check
}

export type NumberCells = Float32Array | Float64Array | Int32Array | Uint32Array

/** Cells as numbers in a typed array, NaN for those that are missing; the array itself where it is one already. */
export function numberCells({ where, chunk }: CellSource, name: string, cells: Cells): NumberCells {
  if (cells instanceof Float32Array || cells instanceof Float64Array || cells instanceof Int32Array || cells instanceof Uint32Array)
    return cells
  const numbers = new Float64Array(cells.length)
  for (let row = 0; row < numbers.length; row++) {
    const cell = cells[row]
    if (typeof cell === 'number') numbers[row] = cell
    else if (typeof cell === 'bigint' || typeof cell === 'boolean') numbers[row] = Number(cell)
    else if (cell === null || cell === undefined) numbers[row] = Number.NaN
    else throw notNumber(where, name, cell, chunk.firstRow + row)
  }
  return numbers
}

export function notNumber(where: string, column: string, cell: unknown, row: number): DataError {
  const advice = typeof cell === 'string' ? `. A column of text becomes numbers by fitPreprocessing` : ''
  return new DataError(`${where}: expected numbers in column '${column}', got ${describe(cell)} in row ${row}${advice}`, { row, column })
}

/** Marks the rows whose cell is missing, or throws at the first; rows that are marked already do not matter. */
export function markMissing(source: CellSource, name: string, cells: NumberCells, missing: MissingCells, skipped: Skipped): void {
  if (cells instanceof Int32Array || cells instanceof Uint32Array) return
  for (let row = 0; row < cells.length; row++) {
    if (!Number.isNaN(cells[row]!) || skipped[row]) continue
    if (missing === 'error') throw missingCell(source, name, row)
    skipped[row] = 1
  }
}

export function missingCell({ where, chunk }: CellSource, column: string, at: number): DataError {
  const row = chunk.firstRow + at
  const advice = "missing: 'skip' leaves such rows out; fitPreprocessing({ missing: 'mean' }) puts the training mean in their place"
  return new DataError(`${where}: expected a number in column '${column}', got none in row ${row}. ${advice}`, { row, column })
}

/** The columns that were asked for, or an error that names the one that is not there. */
export function assertColumn(where: string, columns: readonly { readonly name: string }[], name: string): void {
  if (columns.some((column) => column.name === name)) return
  throw wrongKind(
    where,
    `a column '${name}'`,
    columns.map((column) => column.name)
  )
}
