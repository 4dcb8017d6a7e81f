import type { ColumnSource } from 'hyparquet-writer'
import type { Write } from './atomic-file.js'
import type { OutputColumn, OutputRows } from './table-writer.js'

/** What turns rows into the bytes of a file. */
export interface Encoder {
  begin(): Promise<void>
  rows(piece: OutputRows): Promise<void>
  end(): Promise<void>
}

/** Rows a row group: enough for readers to skip by, few enough to be encoded in some 10 ms. */
const groupRows = 1 << 16

type ParquetType = NonNullable<ColumnSource['type']>
const types: Readonly<Record<OutputColumn['kind'], ParquetType>> = {
  float: 'FLOAT',
  number: 'DOUBLE',
  integer: 'INT64',
  boolean: 'BOOLEAN',
  text: 'STRING',
  date: 'TIMESTAMP',
  any: 'STRING',
  other: 'JSON'
}

/** Snappy-compressed Parquet; rows are gathered into row groups of 65,536. */
export async function parquetEncoder(columns: readonly OutputColumn[], write: Write): Promise<Encoder> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer')
  const sources = (data: readonly unknown[][]): ColumnSource[] => columns.map(({ name }, index) => ({ name, data: data[index]! }))
  const schema = schemaFromColumnData({
    columnData: columns.map(({ name, kind }) => ({ name, data: [], type: types[kind], nullable: kind !== 'float' }))
  })
  const bytes = new ByteWriter(1 << 20)
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'evenkeel' })
  const waiting: unknown[][] = columns.map(() => [])
  const flush = async (): Promise<void> => {
    await write(bytes.getBytes())
    // The offset in the file goes on; the memory is used again.
    bytes.index = 0
  }
  const group = async (): Promise<void> => {
    if (columns.length === 0 || waiting[0]!.length === 0) return
    await writer.write({ columnData: sources(waiting), rowGroupSize: groupRows })
    for (const cells of waiting) cells.length = 0
    await flush()
  }
  return {
    async begin() {},
    async rows(piece) {
      for (const [index, { kind }] of columns.entries())
        for (const cell of Array.from(piece[index]!)) waiting[index]!.push(parquetCell(kind, cell))
      if (waiting[0]!.length >= groupRows) await group()
    },
    async end() {
      await group()
      await writer.finish()
      await flush()
    }
  }
}

function parquetCell(kind: OutputColumn['kind'], cell: unknown): unknown {
  if (cell === null || cell === undefined) return null
  switch (kind) {
    case 'integer':
      return typeof cell === 'bigint' ? cell : BigInt(cell as number)
    case 'number':
      return Number(cell)
    case 'text':
    case 'any':
      return String(cell)
    default:
      return cell
  }
}
