import { TextDecoder } from 'node:util'
import { DataError, describe, FileFormatError } from '../../errors.js'
import { Pacer } from '../pace.js'
import { SourceFile } from './source-file.js'
import type { ColumnKind, Table, TableChunk, TableColumn, TableRequest } from './table.js'

/** Bytes that one read asks for; a line may be longer. */
const readBytes = 1 << 18
/** Bytes a line may have. */
const longestLine = 1 << 26
/** Rows at the beginning that show what columns there are. */
const sampleRows = 200
/** Rows a chunk at most. */
const chunkRows = 1 << 10

type Row = Readonly<Record<string, unknown>>

/** Opens a file of one JSON object a line. Its columns are the keys of the first 200 rows. */
export async function openJsonLines(owner: string, path: string | URL): Promise<Table> {
  const source = await SourceFile.at(owner, path)
  const kinds = new Map<string, ColumnKind>()
  let rows = 0
  for await (const line of linesOf(source, undefined)) {
    for (const [name, cell] of Object.entries(parsed(source.where, line, rows))) kinds.set(name, merged(kinds.get(name), kindOf(cell)))
    if (++rows === sampleRows) break
  }
  if (kinds.size === 0)
    throw new FileFormatError(`${source.where}: expected an object a line, got ${rows === 0 ? 'no line' : 'only empty ones'}`)
  return new JsonLinesTable(
    source,
    [...kinds].map(([name, kind]) => ({ name, kind }))
  )
}

class JsonLinesTable implements Table {
  readonly where: string
  readonly columns: readonly TableColumn[]
  readonly #source: SourceFile

  constructor(source: SourceFile, columns: readonly TableColumn[]) {
    this.where = source.where
    this.columns = columns
    this.#source = source
  }

  explained(error: unknown): Promise<unknown> {
    return this.#source.explained(error)
  }

  async *chunks({ columns, firstRow = 0, signal }: TableRequest): AsyncGenerator<TableChunk, void, undefined> {
    const pacer = new Pacer()
    let row = 0
    let cells: unknown[][] = columns.map(() => [])
    let held = 0
    let failure: { readonly error: unknown } | undefined
    const chunk = (): TableChunk => ({ firstRow: row - held, rows: held, columns: cells })
    try {
      for await (const line of linesOf(this.#source, signal)) {
        if (row >= firstRow) {
          const object = parsed(this.where, line, row)
          for (const [index, { name }] of columns.entries()) cells[index]!.push(object[name])
          held++
        }
        row++
        if (held === chunkRows) {
          yield chunk()
          cells = columns.map(() => [])
          held = 0
        }
        if (pacer.due) await pacer.pause()
      }
    } catch (error) {
      failure = { error }
    }
    // The rows before a mistake are whole.
    if (held > 0) yield chunk()
    if (failure) throw failure.error
  }
}

/** The lines that are not blank. */
async function* linesOf(source: SourceFile, signal: AbortSignal | undefined): AsyncGenerator<string, void, undefined> {
  const file = await source.open()
  const decoder = new TextDecoder()
  const bytes = new Uint8Array(readBytes)
  let rest = ''
  try {
    for (let position = 0; position < source.size; ) {
      signal?.throwIfAborted()
      const part = bytes.subarray(0, Math.min(readBytes, source.size - position))
      await file.read(part, position)
      position += part.length
      const lines = (rest + decoder.decode(part, { stream: position < source.size })).split('\n')
      rest = lines.pop()!
      if (rest.length > longestLine)
        throw new FileFormatError(`${source.where}: expected lines of less than ${longestLine} characters, got one that is longer`)
      for (const line of lines) if (line.trim() !== '') yield line
    }
    if (rest.trim() !== '') yield rest
    await file.assertUnchanged()
  } finally {
    await file.close()
  }
}

function parsed(where: string, line: string, row: number): Row {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new DataError(`${where}: expected a line of JSON, got ${describe(line)} in row ${row}: ${(cause as Error).message}`, {
      row,
      cause
    })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row
  throw new DataError(`${where}: expected an object a line, got ${describe(value)} in row ${row}`, { row })
}

function kindOf(cell: unknown): ColumnKind {
  if (cell === null) return 'any'
  if (typeof cell === 'number') return 'number'
  if (typeof cell === 'boolean') return 'boolean'
  return typeof cell === 'string' ? 'text' : 'other'
}

function merged(known: ColumnKind | undefined, found: ColumnKind): ColumnKind {
  if (known === undefined || known === 'any' || known === found) return found
  return found === 'any' ? known : 'other'
}
