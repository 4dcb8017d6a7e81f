import type { ColumnChunk, FileMetaData, SchemaElement, SchemaTree } from 'hyparquet'
import { FileFormatError } from '../../errors.js'
import { Pacer } from '../pace.js'
import { freshMemory, ReusedMemory } from './column-memory.js'
import { type ParquetCodec, parquetCodec } from './parquet-codec.js'
import { PageReader } from './parquet-pages.js'
import { type OpenSourceFile, SourceFile } from './source-file.js'
import type { ColumnKind, ColumnRequest, Table, TableChunk, TableColumn, TableRequest } from './table.js'

/** Rows a chunk at most: 32 columns of them are 2 MB. */
const chunkRows = 1 << 14
/** Bytes of the windows of all columns that are in use, about; as many again are read ahead. A window is read with one call, which costs as much as copying 100 KB. */
const readAheadBytes = 1 << 25
const leastReadBytes = 1 << 16
const mostReadBytes = 1 << 20

/**
 * Opens a Parquet file and reads its schema. Chunks are read a page of each column at a time, so memory follows from
 * the pages (1 MB by default in most writers) and not from the row groups.
 */
export async function openParquet(owner: string, path: string | URL): Promise<Table> {
  const source = await SourceFile.at(owner, path)
  const [{ parquetMetadataAsync, parquetSchema }, codec] = await Promise.all([import('hyparquet'), parquetCodec()])
  const file = await source.open()
  try {
    const metadata = await parquetMetadataAsync({
      byteLength: source.size,
      slice: async (start, end = source.size) => {
        const bytes = new Uint8Array(end - start)
        await file.read(bytes, start)
        return bytes.buffer
      }
    })
    return new ParquetTable(source, metadata, parquetSchema(metadata), codec)
  } catch (cause) {
    throw cause instanceof FileFormatError ? cause : notParquet(source.where, cause)
  } finally {
    await file.close()
  }
}

function notParquet(where: string, cause: unknown): FileFormatError {
  return new FileFormatError(`${where}: expected a Parquet file, got one that cannot be read: ${(cause as Error).message}`, { cause })
}

interface RowGroup {
  readonly firstRow: number
  readonly rows: number
  readonly chunks: readonly ColumnChunk[]
}

class ParquetTable implements Table {
  readonly where: string
  readonly columns: readonly TableColumn[]
  readonly length: number
  readonly #source: SourceFile
  readonly #metadata: FileMetaData
  readonly #schema: SchemaTree
  readonly #codec: ParquetCodec

  constructor(source: SourceFile, metadata: FileMetaData, schema: SchemaTree, codec: ParquetCodec) {
    this.where = source.where
    this.columns = schema.children.map((child) => ({ name: child.element.name, kind: kindOf(child) }))
    this.length = metadata.row_groups.reduce((rows, group) => rows + Number(group.num_rows), 0)
    this.#source = source
    this.#metadata = metadata
    this.#schema = schema
    this.#codec = codec
  }

  explained(error: unknown): Promise<unknown> {
    return this.#source.explained(error)
  }

  async *chunks({ columns, firstRow = 0, signal }: TableRequest): AsyncGenerator<TableChunk, void, undefined> {
    const file = await this.#source.open()
    const readers = new Map<string, PageReader>()
    try {
      const groups = this.#groups(firstRow)
      for (const { name } of columns) if (!readers.has(name)) readers.set(name, this.#reader(file, groups, name, columns))
      yield* this.#cut(readers, columns, firstRow, signal)
      await file.assertUnchanged()
    } catch (cause) {
      signal?.throwIfAborted()
      throw cause instanceof FileFormatError ? cause : notParquet(this.where, cause)
    } finally {
      await Promise.all(Array.from(readers.values(), (reader) => reader.settle()))
      await file.close()
    }
  }

  /** The row groups that end behind `row`. */
  #groups(row: number): readonly RowGroup[] {
    let firstRow = 0
    const groups = this.#metadata.row_groups.map(({ num_rows: count, columns: chunks }) => {
      const rows = Number(count)
      firstRow += rows
      return { firstRow: firstRow - rows, rows, chunks }
    })
    return groups.filter((group) => group.rows > 0 && group.firstRow + group.rows > row)
  }

  /** Chunks that lie within one page of each column. */
  async *#cut(
    byName: ReadonlyMap<string, PageReader>,
    columns: readonly ColumnRequest[],
    firstRow: number,
    signal: AbortSignal | undefined
  ): AsyncGenerator<TableChunk, void, undefined> {
    const pacer = new Pacer()
    const readers = [...byName.values()]
    for (let row = firstRow; row < this.length; ) {
      signal?.throwIfAborted()
      if (readers.some(({ end }) => end <= row)) {
        await Promise.all(readers.map((reader) => reader.fetch(row)))
        for (const reader of readers) {
          reader.decode()
          if (pacer.due) await pacer.pause()
        }
      }
      const end = readers.reduce((least, reader) => Math.min(least, reader.end), Math.min(this.length, row + chunkRows))
      yield { firstRow: row, rows: end - row, columns: columns.map(({ name }) => byName.get(name)!.cells(row, end)) }
      row = end
    }
  }

  #reader(file: OpenSourceFile, groups: readonly RowGroup[], name: string, columns: readonly ColumnRequest[]): PageReader {
    const tree = this.#schema.children.find((child) => child.element.name === name)!
    if (tree.children.length > 0 || tree.element.repetition_type === 'REPEATED')
      throw new FileFormatError(`${this.where}: expected columns of one value a row, got '${name}' of lists or records. Leave it out`)
    const stretches = groups.map(({ firstRow, rows, chunks }) => {
      const chunk = chunks.find(({ meta_data: data }) => data?.path_in_schema.length === 1 && data.path_in_schema[0] === name)
      if (!chunk?.meta_data || chunk.file_path)
        throw new FileFormatError(`${this.where}: expected column '${name}' in every row group, got none`)
      return { column: chunk.meta_data, firstRow, rows }
    })
    const carried = columns.some((column) => column.name === name && !column.numbers)
    const memory = carried ? freshMemory : new ReusedMemory()
    const readBytes = Math.max(leastReadBytes, Math.min(mostReadBytes, Math.floor(readAheadBytes / columns.length)))
    return new PageReader(stretches, [this.#schema, tree], { file, name, codec: this.#codec, memory, readBytes })
  }
}

function kindOf({ element, children }: SchemaTree): ColumnKind {
  if (children.length > 0 || element.repetition_type === 'REPEATED') return 'other'
  const { type, converted_type: converted, logical_type: logical } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL' || logical?.type === 'FLOAT16') return 'number'
  if (isDate(element)) return 'date'
  if (type === 'BOOLEAN') return 'boolean'
  if (type === 'FLOAT' || type === 'DOUBLE') return 'number'
  if (type === 'INT32' || type === 'INT64') return 'integer'
  const text = converted === 'UTF8' || converted === 'ENUM' || logical?.type === 'STRING' || logical?.type === 'ENUM'
  return text || (type === 'BYTE_ARRAY' && !converted && !logical) ? 'text' : 'other'
}

function isDate({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return type === 'INT96' || /^(DATE|TIME)/.test(converted ?? logical?.type ?? '')
}
