import { addAbortSignal } from 'node:stream'
import type { DataType, RecordBatch, RecordBatchReader, Schema, Vector } from 'apache-arrow'
import { FileFormatError } from '../../errors.js'
import { Pacer } from '../pace.js'
import { SourceFile } from './source-file.js'
import type { Cells, ColumnKind, Table, TableChunk, TableColumn, TableRequest } from './table.js'

/** Rows a chunk at most. */
const chunkRows = 1 << 14

type Arrow = typeof import('apache-arrow')

/** Opens an Arrow IPC file or stream (`.arrow`, `.feather` of version 2), a record batch at a time. */
export async function openArrow(owner: string, path: string | URL): Promise<Table> {
  const source = await SourceFile.at(owner, path)
  const arrow = await import('apache-arrow').catch((cause) => {
    throw new FileFormatError(`${source.where}: expected the package apache-arrow, got none. Install it: npm install apache-arrow`, {
      cause
    })
  })
  const { reader, close } = await opened(arrow, source, undefined)
  try {
    return new ArrowTable(arrow, source, reader.schema)
  } finally {
    await close()
  }
}

async function opened(arrow: Arrow, source: SourceFile, signal: AbortSignal | undefined) {
  const file = await source.open()
  // A stream of chunks, so that a file is never in memory as a whole.
  const stream = file.stream(1 << 20)
  if (signal) addAbortSignal(signal, stream)
  const close = async (): Promise<void> => {
    stream.destroy()
    await file.close()
  }
  try {
    const reader = (await arrow.RecordBatchReader.from(stream)) as RecordBatchReader
    await reader.open({ autoDestroy: false })
    if (!reader.schema) throw new Error('it has no schema')
    return { reader, file, close }
  } catch (cause) {
    await close()
    signal?.throwIfAborted()
    throw notArrow(source.where, cause)
  }
}

function notArrow(where: string, cause: unknown): FileFormatError {
  return new FileFormatError(`${where}: expected an Arrow file, got one that cannot be read: ${(cause as Error).message}`, { cause })
}

class ArrowTable implements Table {
  readonly where: string
  readonly columns: readonly TableColumn[]
  readonly #arrow: Arrow
  readonly #source: SourceFile

  constructor(arrow: Arrow, source: SourceFile, schema: Schema) {
    this.where = source.where
    this.columns = schema.fields.map(({ name, type }) => ({ name, kind: kindOf(arrow, type) }))
    this.#arrow = arrow
    this.#source = source
  }

  explained(error: unknown): Promise<unknown> {
    return this.#source.explained(error)
  }

  async *chunks({ columns, firstRow = 0, signal }: TableRequest): AsyncGenerator<TableChunk, void, undefined> {
    const pacer = new Pacer()
    const { reader, file, close } = await opened(this.#arrow, this.#source, signal)
    let row = 0
    try {
      for (;;) {
        const { done, value: batch } = await this.#next(reader, signal)
        if (done) break
        for (let start = Math.max(0, firstRow - row); start < batch.numRows; start += chunkRows) {
          const end = Math.min(batch.numRows, start + chunkRows)
          yield {
            firstRow: row + start,
            rows: end - start,
            columns: columns.map(({ name }) => this.#cells(batch.getChild(name)!, start, end))
          }
          if (pacer.due) await pacer.pause()
        }
        row += batch.numRows
      }
      await file.assertUnchanged()
    } finally {
      await close()
    }
  }

  async #next(reader: RecordBatchReader, signal: AbortSignal | undefined): Promise<IteratorResult<RecordBatch>> {
    try {
      return await reader.next()
    } catch (cause) {
      signal?.throwIfAborted()
      throw notArrow(this.where, cause)
    }
  }

  /** Plain numbers stay a typed array; all else becomes one value a row, null where there is none. */
  #cells(column: Vector, start: number, end: number): Cells {
    const { type, nullCount } = column
    const { DataType } = this.#arrow
    const plain = nullCount === 0 && (DataType.isInt(type) || (DataType.isFloat(type) && type.precision !== this.#arrow.Precision.HALF))
    if (plain) return (column.toArray() as Float32Array).subarray(start, end)
    return Array.from({ length: end - start }, (_, index) => column.get(start + index) as unknown)
  }
}

function kindOf({ DataType }: Arrow, type: DataType): ColumnKind {
  const inner = DataType.isDictionary(type) ? type.dictionary : type
  if (DataType.isInt(inner)) return 'integer'
  if (DataType.isFloat(inner)) return 'number'
  if (DataType.isBool(inner)) return 'boolean'
  if (DataType.isUtf8(inner) || DataType.isLargeUtf8(inner)) return 'text'
  return DataType.isDate(inner) || DataType.isTimestamp(inner) ? 'date' : 'other'
}
