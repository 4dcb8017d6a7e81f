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
 * Writes columns of numbers side by side: out[row · width + at + i] is cell `row` of column i, rounded to float32 once.
 * Missing cells become NaN; `isMissing` is told of each.
 */
export function interleave(out: Float32Array, width: number, columns: readonly Cells[], rows: number): void {
  for (let start = 0; start < rows; start += blockRows) {
    const end = Math.min(rows, start + blockRows)
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at]!
      // One loop a type: V8 makes each fast for the one it sees.
      if (column instanceof Float32Array) copyFloats(out, width, at, column, start, end)
      else if (column instanceof Float64Array) copyDoubles(out, width, at, column, start, end)
      else copyIntegers(out, width, at, column as Int32Array, start, end)
    }
  }
}

function copyFloats(out: Float32Array, width: number, at: number, column: Float32Array, start: number, end: number): void {
  for (let row = start, i = start * width + at; row < end; row++, i += width) out[i] = column[row]!
}

function copyDoubles(out: Float32Array, width: number, at: number, column: Float64Array, start: number, end: number): void {
  for (let row = start, i = start * width + at; row < end; row++, i += width) out[i] = column[row]!
}

function copyIntegers(out: Float32Array, width: number, at: number, column: Int32Array, start: number, end: number): void {
  for (let row = start, i = start * width + at; row < end; row++, i += width) out[i] = column[row]!
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
