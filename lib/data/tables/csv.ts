import { FileFormatError, outOfRange, wrongKind } from '../../errors.js'
import { checkOptions } from '../../options.js'
import { Pacer } from '../pace.js'
import { isMissing, isNumber } from './csv-cells.js'
import { CsvParser, Reading } from './csv-parser.js'
import { type OpenSourceFile, SourceFile } from './source-file.js'
import type { ColumnKind, Table, TableChunk, TableColumn, TableRequest } from './table.js'

/** How a CSV file is written. */
export interface CsvOptions {
  /** What stands between two cells: one character, default ','. */
  readonly delimiter?: string
  /** Names of the columns where the file does not begin with them; default: its first row is their names. */
  readonly header?: readonly string[]
}

export const csvOptionNames = ['delimiter', 'header'] as const

/** Bytes that are parsed in one go: about 0.5 ms. */
const sliceBytes = 1 << 17
/** Bytes that one read asks for. */
const readBytes = 1 << 20
/** Bytes a row may have: what is longer has lost a closing quote. */
const longestRow = 1 << 24
/** Bytes at the beginning that show what the columns hold. */
const sampleBytes = 1 << 16

export async function openCsv(owner: string, path: string | URL, options: CsvOptions): Promise<Table> {
  const source = await SourceFile.at(owner, path)
  const { delimiter, header } = checkCsvOptions(source.where, options)
  const file = await source.open()
  try {
    const bytes = Buffer.alloc(Math.min(source.size, sampleBytes) + 1)
    await file.read(bytes.subarray(0, -1), 0)
    const whole = source.size <= sampleBytes
    const end = bytes.length - 1
    const start = startOf(source.where, bytes)
    const parser = new CsvParser(source.where, [], new Uint8Array(0), delimiter)
    const first = parser.cells(bytes, start, end, whole)
    if (first.next < 0) throw new FileFormatError(`${source.where}: expected the first row to end within ${sampleBytes} bytes, got more`)
    const names = checkNames(source.where, header ?? first.cells, first.cells.length, delimiter)
    const body = header ? start : first.next
    const kinds = sampleKinds(names, parser, bytes, body, end, whole)
    return new CsvTable(
      source,
      names.map((name, index) => ({ name, kind: kinds[index]! })),
      body,
      delimiter
    )
  } finally {
    await file.close()
  }
}

function checkCsvOptions(where: string, options: CsvOptions): { delimiter: number; header: readonly string[] | undefined } {
  const { delimiter = ',', header } = checkOptions<CsvOptions>(where, options, csvOptionNames)
  if (typeof delimiter !== 'string') throw wrongKind(where, 'delimiter to be one character', delimiter)
  const code = delimiter.length === 1 ? delimiter.charCodeAt(0) : 128
  if (code > 127 || '"\r\n'.includes(delimiter))
    throw outOfRange(where, "delimiter to be one character such as ',', ';' or '\\t'", delimiter)
  if (header !== undefined && (!Array.isArray(header) || header.some((name) => typeof name !== 'string')))
    throw wrongKind(where, 'header to be the names of the columns', header)
  return { delimiter: code, header }
}

/** Behind the byte order mark, if there is one. */
function startOf(where: string, bytes: Uint8Array): number {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 3
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw new FileFormatError(`${where}: expected UTF-8, got UTF-16. Convert it first`)
  return 0
}

function checkNames(where: string, names: readonly string[], cells: number, delimiter: number): readonly string[] {
  if (cells === 0) throw new FileFormatError(`${where}: expected a row of names, got none`)
  if (names.length !== cells) throw new FileFormatError(`${where}: expected ${names.length} cells a row, as many as names, got ${cells}`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new FileFormatError(`${where}: expected every column to have a name of its own, got '${twice}' twice. Name them by header: [...]`)
  const other = [';', '\t', '|', ','].find((mark) => mark.charCodeAt(0) !== delimiter && names[0]!.includes(mark))
  if (names.length === 1 && other !== undefined)
    throw new FileFormatError(
      `${where}: expected more than one column, got '${names[0]!.slice(0, 60)}'. Say what stands between: delimiter: ${JSON.stringify(other)}`
    )
  return names
}

/** A column of numbers is one whose first rows hold nothing else. */
function sampleKinds(names: readonly string[], parser: CsvParser, bytes: Buffer, start: number, end: number, final: boolean): ColumnKind[] {
  const kinds = names.map((): ColumnKind => 'number')
  const empty = names.map(() => true)
  for (let at = start; at < end; ) {
    const { cells, next } = parser.cells(bytes, at, end, final)
    if (next < 0) break
    cells.forEach((cell, column) => {
      if (isMissing(cell)) return
      empty[column] = false
      if (!isNumber(cell)) kinds[column] = 'text'
    })
    at = next
  }
  return kinds.map((kind, column) => (empty[column] ? 'any' : kind))
}

class CsvTable implements Table {
  readonly where: string
  readonly columns: readonly TableColumn[]
  readonly #source: SourceFile
  readonly #body: number
  readonly #delimiter: number

  constructor(source: SourceFile, columns: readonly TableColumn[], body: number, delimiter: number) {
    this.where = source.where
    this.columns = columns
    this.#source = source
    this.#body = body
    this.#delimiter = delimiter
  }

  explained(error: unknown): Promise<unknown> {
    return this.#source.explained(error)
  }

  async *chunks({ columns, firstRow = 0, signal }: TableRequest): AsyncGenerator<TableChunk, void, undefined> {
    const names = this.columns.map(({ name }) => name)
    const readings = new Uint8Array(names.length)
    const places = columns.map(({ name }) => names.indexOf(name))
    columns.forEach(({ numbers }, index) => {
      readings[places[index]!]! |= numbers ? Reading.number : Reading.text
    })
    const parser = new CsvParser(this.where, names, readings, this.#delimiter)
    const file = await this.#source.open()
    try {
      for await (const _ of this.#slices(file, parser, signal)) {
        const { rows, firstRow: first, numbers, texts } = parser.take()
        const from = Math.max(0, firstRow - first)
        if (from >= rows) continue
        yield {
          firstRow: first + from,
          rows: rows - from,
          columns: places.map((place, index) =>
            columns[index]!.numbers ? (numbers(place) as Float64Array).subarray(from) : (texts(place) as string[]).slice(from, rows)
          )
        }
      }
      await file.assertUnchanged()
    } finally {
      await file.close()
    }
  }

  /** Parses slice after slice, while the bytes after them are read. */
  async *#slices(file: OpenSourceFile, parser: CsvParser, signal: AbortSignal | undefined): AsyncGenerator<void, void, undefined> {
    const { size } = this.#source
    const pacer = new Pacer()
    let position = this.#body
    let memory = Buffer.alloc(2 * readBytes + 1)
    const other = Buffer.alloc(readBytes)
    /** Bytes 0 … filled − 1 of `memory` are at hand. */
    let filled = 0
    let reading = this.#read(file, other, position)
    try {
      while (position < size || filled > 0) {
        signal?.throwIfAborted()
        const count = await reading
        position += count
        if (filled + count >= memory.length) memory = widened(this.where, memory, filled + count)
        other.copy(memory, filled, 0, count)
        filled += count
        reading = this.#read(file, other, position)
        let at = 0
        for (let end = 0; end < filled; ) {
          end = Math.min(filled, Math.max(at, end) + sliceBytes)
          const slice = tried(() => parser.parse(memory, at, end, position >= size && end === filled))
          // The rows before a mistake are whole.
          if (parser.rows > 0) yield
          if (slice.error) throw slice.error
          at = slice.value!
          if (pacer.due) await pacer.pause()
        }
        memory.copyWithin(0, at, filled)
        filled -= at
      }
    } finally {
      await reading.catch(() => undefined)
    }
  }

  /** A read that goes on while others use what was read before: whoever awaits it hears of its error, at the latest then. */
  #read(file: OpenSourceFile, target: Buffer, position: number): Promise<number> {
    const count = Math.min(target.length, this.#source.size - position)
    const reading = file.read(target.subarray(0, count), position).then(() => count)
    // Until then it is nobody's, and would end the process.
    reading.catch(() => undefined)
    return reading
  }
}

function widened(where: string, memory: Buffer, filled: number): Buffer<ArrayBuffer> {
  if (filled > longestRow)
    throw new FileFormatError(
      `${where}: expected rows of less than ${longestRow} bytes, got one that is longer. Is a closing quote missing?`
    )
  const wider = Buffer.alloc(filled * 2)
  memory.copy(wider)
  return wider
}

function tried<T>(work: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}
