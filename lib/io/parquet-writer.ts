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
  const schema = schemaFromColumnData({
    columnData: columns.map(({ name, kind }) => ({ name, data: [], type: types[kind], nullable: kind !== 'float' }))
  })
  const bytes = new ByteWriter(1 << 20)
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'evenkeel' })
  const waiting = columns.map(({ kind }) => new GroupColumn(kind))
  const flush = async (): Promise<void> => {
    await write(bytes.getBytes())
    // The offset in the file goes on; the memory is used again.
    bytes.index = 0
  }
  const group = async (): Promise<void> => {
    if (columns.length === 0 || waiting[0]!.rows === 0) return
    const columnData = columns.map(({ name }, index): ColumnSource => ({ name, data: waiting[index]!.cells }))
    await writer.write({ columnData, rowGroupSize: groupRows })
    for (const column of waiting) column.clear()
    await flush()
  }
  return {
    async begin() {},
    async rows(piece) {
      for (const [index, column] of waiting.entries()) column.add(piece[index]!)
      if (waiting[0]!.rows >= groupRows) await group()
    },
    async end() {
      await group()
      await writer.finish()
      await flush()
    }
  }
}

/** The cells of a column that wait for their row group: numbers side by side as long as none is missing, else a list. */
/** Rows that a column has room for at first: a file may have thousands of columns. */
const firstRows = 256

class GroupColumn {
  readonly #kind: OutputColumn['kind']
  #numbers: Float32Array | Float64Array | undefined
  #list: unknown[] | undefined
  rows = 0

  constructor(kind: OutputColumn['kind']) {
    this.#kind = kind
    if (kind === 'float') this.#numbers = new Float32Array(firstRows)
    if (kind === 'number') this.#numbers = new Float64Array(firstRows)
    this.clear()
  }

  get cells(): NonNullable<ColumnSource['data']> {
    return this.#list ?? this.#numbers!.subarray(0, this.rows)
  }

  add(cells: ArrayLike<unknown>): void {
    if (!this.#list && (cells instanceof Float32Array || cells instanceof Float64Array)) this.#reserve(cells.length).set(cells, this.rows)
    else {
      this.#list ??= Array.from(this.#numbers!.subarray(0, this.rows))
      for (let row = 0; row < cells.length; row++) this.#list.push(parquetCell(this.#kind, cells[row]))
    }
    this.rows += cells.length
  }

  clear(): void {
    this.rows = 0
    this.#list = this.#numbers ? undefined : []
  }

  /** Room for `rows` more. */
  #reserve(rows: number): Float32Array | Float64Array {
    const numbers = this.#numbers!
    const needed = this.rows + rows
    if (needed <= numbers.length) return numbers
    const wider = new (numbers.constructor as Float64ArrayConstructor)(Math.max(needed, 2 * numbers.length))
    wider.set(numbers.subarray(0, this.rows))
    this.#numbers = wider
    return wider
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
