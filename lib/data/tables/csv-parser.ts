import { DataError, describe } from '../../errors.js'
import { isMissing, isNumber, NumberScanner, TextCells } from './csv-cells.js'
import type { Cells } from './table.js'

/** How the cells of a column are read. */
export const Reading = { skip: 0, number: 1, text: 2, both: 3 } as const
export type ReadingCode = (typeof Reading)[keyof typeof Reading]

const newline = 10
const carriageReturn = 13
const quote = 34

/**
 * Takes CSV (RFC 4180) apart where it stands among the bytes: `\n`, `\r\n` or `\r` end a row, also inside quotes they
 * are kept; a quote inside quotes is doubled; blank lines are passed over. Cells that nobody asked for are not decoded,
 * and numbers become no strings.
 */
export class CsvParser {
  readonly #where: string
  readonly #names: readonly string[]
  readonly #readings: Uint8Array
  readonly #delimiter: number
  readonly #scanner = new NumberScanner()
  readonly #texts = new TextCells()
  #numbers: (Float64Array | undefined)[] = []
  #strings: (string[] | undefined)[] = []
  #capacity = 0
  /** Rows since the last `take`. */
  rows = 0
  /** Number of the first of them. */
  firstRow = 0
  /** Where the cell at hand begins and ends without its quotes, and whether quotes are doubled in it. */
  #start = 0
  #end = 0
  #doubled = false

  constructor(where: string, names: readonly string[], readings: Uint8Array, delimiter: number) {
    this.#where = where
    this.#names = names
    this.#readings = readings
    this.#delimiter = delimiter
    this.#capacity = 1 << 10
    this.#numbers = names.map((_, column) => (readings[column]! & Reading.number ? new Float64Array(this.#capacity) : undefined))
    this.#strings = this.#emptyStrings()
  }

  /**
   * Takes in the whole rows of bytes start … end − 1. The byte after them must be writable: it serves as a fence.
   *
   * @param final whether the file ends here
   * @returns where the first row begins that is not whole
   */
  parse(bytes: Buffer, start: number, end: number, final: boolean): number {
    const fence = bytes[end]!
    bytes[end] = newline
    let at = start
    while (at < end) {
      const next = this.#row(bytes, at, end, final)
      if (next < 0) break
      at = next
    }
    bytes[end] = fence
    return at
  }

  /** The cells of the row at `start`, however many; where the next row begins, −1 where this one is not whole. */
  cells(bytes: Buffer, start: number, end: number, final: boolean): { readonly cells: readonly string[]; readonly next: number } {
    const cells: string[] = []
    const fence = bytes[end]!
    bytes[end] = newline
    let at = start
    while (at < end && (bytes[at] === newline || bytes[at] === carriageReturn)) at++
    let stop = at
    for (; at < end || cells.length > 0; at = stop + 1) {
      stop = this.#cell(bytes, at, end, final)
      if (stop < 0 || (stop >= end && !final)) break
      const text = this.#texts.text(bytes, this.#start, this.#end)
      cells.push(this.#doubled ? text.replaceAll('""', '"') : text)
      if (bytes[stop] !== this.#delimiter || stop >= end) break
    }
    const next =
      stop < 0 || (stop >= end && !final) ? -1 : bytes[stop] === carriageReturn ? this.#afterReturn(bytes, stop, end, final) : stop + 1
    bytes[end] = fence
    return { cells, next: Math.min(next, end) }
  }

  /** The rows taken in since the last time, and begins anew. Numbers are good until the next row is taken in. */
  take(): { readonly rows: number; readonly firstRow: number; numbers(column: number): Cells; texts(column: number): Cells } {
    const { rows, firstRow } = this
    const strings = this.#strings
    this.firstRow += rows
    this.rows = 0
    this.#strings = this.#emptyStrings()
    return {
      rows,
      firstRow,
      numbers: (column) => this.#numbers[column]!.subarray(0, rows),
      texts: (column) => strings[column]!
    }
  }

  #emptyStrings(): (string[] | undefined)[] {
    return this.#names.map((_, column) => (this.#readings[column]! & Reading.text ? [] : undefined))
  }

  #grow(): void {
    this.#capacity *= 2
    this.#numbers = this.#numbers.map((old) => {
      if (!old) return undefined
      const wider = new Float64Array(this.#capacity)
      wider.set(old)
      return wider
    })
  }

  /** One row. @returns where the next begins, −1 where this one is not whole */
  #row(bytes: Buffer, start: number, end: number, final: boolean): number {
    const delimiter = this.#delimiter
    const { length } = this.#names
    const readings = this.#readings
    const scanner = this.#scanner
    let at = start
    if (bytes[at] === newline) return at + 1
    if (bytes[at] === carriageReturn) return this.#afterReturn(bytes, at, end, final)
    if (this.rows === this.#capacity) this.#grow()
    const { rows } = this
    for (let column = 0; column < length; column++) {
      const reading = readings[column]!
      let stop = -1
      if (reading & Reading.number) {
        stop = scanner.scan(bytes, at)
        if (stop >= 0) {
          const after = bytes[stop]
          if (after === delimiter || after === newline || after === carriageReturn) {
            this.#numbers[column]![rows] = scanner.value
            // As it was written: 1.50 stays 1.50 where it is carried along.
            if (reading === Reading.both) this.#strings[column]![rows] = this.#texts.text(bytes, at, stop)
          } else stop = -1
        }
      }
      if (stop < 0) {
        stop = this.#cell(bytes, at, end, final)
        if (stop < 0) return -1
        if (reading !== Reading.skip && (stop < end || final)) this.#store(bytes, column, reading, rows)
      }
      if (bytes[stop] === delimiter && stop < end) {
        if (column === length - 1) throw this.#ragged(bytes, stop, end, length + 1)
        at = stop + 1
        continue
      }
      // A row whose end is the fence may go on behind it.
      if (stop >= end && !final) return -1
      const next = bytes[stop] === carriageReturn ? this.#afterReturn(bytes, stop, end, final) : stop + 1
      if (next < 0) return -1
      if (column < length - 1) throw this.#ragged(bytes, stop, end, column + 1)
      this.rows++
      return Math.min(next, end)
    }
    return at
  }

  #afterReturn(bytes: Buffer, at: number, end: number, final: boolean): number {
    if (at + 1 >= end) return final ? end : -1
    return bytes[at + 1] === newline ? at + 2 : at + 1
  }

  /** Finds the bounds of a cell. @returns where what ends it stands, −1 where the cell may not be whole */
  #cell(bytes: Buffer, start: number, end: number, final: boolean): number {
    const delimiter = this.#delimiter
    this.#doubled = false
    if (bytes[start] === quote && start < end) return this.#quoted(bytes, start, end, final)
    let at = start
    let byte = bytes[at]!
    while (byte !== delimiter && byte !== newline && byte !== carriageReturn) byte = bytes[++at]!
    this.#start = start
    this.#end = at
    return at
  }

  #quoted(bytes: Buffer, start: number, end: number, final: boolean): number {
    let at = start + 1
    for (;;) {
      at = bytes.indexOf(quote, at)
      if (at < 0 || at >= end) {
        if (final) throw this.#error('a closing quote', 'the end of the file')
        return -1
      }
      if (bytes[at + 1] !== quote || at + 1 >= end) break
      this.#doubled = true
      at += 2
    }
    // The quote after the last byte at hand may be the second of two.
    if (at + 1 >= end && !final) return -1
    this.#start = start + 1
    this.#end = at
    const after = bytes[at + 1]
    if (after !== this.#delimiter && after !== newline && after !== carriageReturn)
      throw this.#error('a quoted cell to end at its quote', `${describe(String.fromCharCode(after!))} after it`)
    return at + 1
  }

  #store(bytes: Buffer, column: number, reading: number, row: number): void {
    let text = this.#texts.text(bytes, this.#start, this.#end)
    if (this.#doubled) text = text.replaceAll('""', '"')
    if (reading & Reading.text) this.#strings[column]![row] = text
    if (reading & Reading.number) this.#numbers[column]![row] = this.#number(column, text)
  }

  #number(column: number, text: string): number {
    if (isMissing(text)) return Number.NaN
    if (isNumber(text)) return Number(text)
    const advice = "A column of text becomes numbers by fitPreprocessing; cells of nothing, 'NA', 'NaN' and 'null' are missing"
    throw this.#error(`numbers in column '${this.#names[column]}'`, describe(text), advice, this.#names[column])
  }

  #ragged(bytes: Buffer, at: number, end: number, least: number): DataError {
    let cells = least
    const expected = this.#names.length
    for (let i = at + 1; i < end && cells > expected && bytes[i] !== newline; i++) if (bytes[i] === this.#delimiter) cells++
    return this.#error(`${expected} cells`, `${cells}`)
  }

  #error(expected: string, actual: string, advice?: string, column?: string): DataError {
    const row = this.firstRow + this.rows
    const message = `${this.#where}: expected ${expected}, got ${actual} in row ${row}${advice ? `. ${advice}` : ''}`
    return new DataError(message, { row, column })
  }
}
