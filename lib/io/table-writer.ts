import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ColumnKind } from '../data/tables/table.js'
import { expectation, withCode } from '../errors.js'
import { type Write, writeAtomically } from './atomic-file.js'
import { shortestFloat } from './float-text.js'
import { type Encoder, parquetEncoder } from './parquet-writer.js'

/** 'float': float32 numbers, none missing, as a model gives them. */
export interface OutputColumn {
  readonly name: string
  readonly kind: ColumnKind | 'float'
}

/** Some rows: the cells of every column, in the columns' order. */
export type OutputRows = readonly ArrayLike<unknown>[]

export const tableFormats = ['csv', 'tsv', 'jsonl', 'parquet'] as const
export type TableFormat = (typeof tableFormats)[number]

const extensions: Readonly<Record<string, TableFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet'
}

/** By the file's extension. @throws RangeError for one that is none of them */
export function tableFormatOf(owner: string, file: string | URL): TableFormat {
  const extension = path.extname(typeof file === 'string' ? file : fileURLToPath(file)).toLowerCase()
  const format = extensions[extension]
  if (format) return format
  throw withCode(
    new RangeError(expectation(owner, `a file that ends in ${Object.keys(extensions).join(', ')}`, `'${String(file)}'`)),
    'EVENKEEL_RANGE'
  )
}

/**
 * Writes rows as CSV (RFC 4180), tab-separated values, JSON lines or Parquet, by the file's extension; under its name
 * only when it is whole. Missing cells are empty in CSV, null elsewhere; dates are ISO 8601 in text formats.
 *
 * @param rows pieces of any number of rows; what it throws is thrown on, and nothing is left behind
 * @throws RangeError for another extension; the system's error where the file cannot be written
 */
export async function writeTable(
  owner: string,
  file: string | URL,
  columns: readonly OutputColumn[],
  rows: AsyncIterable<OutputRows>
): Promise<void> {
  const format = tableFormatOf(owner, file)
  const names = columns.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw withCode(new TypeError(expectation(owner, 'every column to have a name of its own', `'${twice}' twice`)), 'EVENKEEL_NAME')
  await writeAtomically(owner, file, async (write) => {
    const encoder = await encoderOf(format, columns, write)
    await encoder.begin()
    for await (const piece of rows) await encoder.rows(piece)
    await encoder.end()
  })
}

async function encoderOf(format: TableFormat, columns: readonly OutputColumn[], write: Write): Promise<Encoder> {
  if (format === 'parquet') return await parquetEncoder(columns, write)
  if (format === 'jsonl') return jsonLinesEncoder(columns, write)
  return await separatedEncoder(columns, write, format === 'tsv' ? '\t' : ',')
}

const text = new TextEncoder()

async function separatedEncoder(columns: readonly OutputColumn[], write: Write, delimiter: string): Promise<Encoder> {
  const { stringify } = await import('csv-stringify/sync')
  const put = (records: readonly (readonly string[])[]): Promise<void> =>
    write(text.encode(stringify(records as string[][], { delimiter })))
  return {
    begin: () => put([columns.map(({ name }) => name)]),
    rows: (piece) =>
      put(records(columns, piece, (cell) => (cell === null ? '' : typeof cell === 'object' ? JSON.stringify(cell) : String(cell)))),
    async end() {}
  }
}

function jsonLinesEncoder(columns: readonly OutputColumn[], write: Write): Encoder {
  return {
    async begin() {},
    async rows(piece) {
      const lines = records(columns, piece, (cell) => cell).map((cells) =>
        JSON.stringify(Object.fromEntries(columns.map(({ name }, index) => [name, cells[index]])))
      )
      await write(text.encode(lines.map((line) => `${line}\n`).join('')))
    },
    async end() {}
  }
}

/** Row by row, what JSON can hold of each cell. */
function records<T>(columns: readonly OutputColumn[], piece: OutputRows, make: (cell: unknown) => T): T[][] {
  const rows = piece[0]?.length ?? 0
  return Array.from({ length: rows }, (_, row) => columns.map(({ kind }, index) => make(plainCell(kind, piece[index]![row]))))
}

function plainCell(kind: OutputColumn['kind'], cell: unknown): unknown {
  if (cell === null || cell === undefined) return null
  if (typeof cell === 'number') return kind === 'float' ? shortestFloat(cell) : Number.isNaN(cell) ? null : cell
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell)
  if (cell instanceof Date) return cell.toISOString()
  return cell
}
