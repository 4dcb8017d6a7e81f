/** What the cells of a column hold, as far as the file says; 'any' where only reading tells (CSV, JSON lines). */
export type ColumnKind = 'number' | 'integer' | 'boolean' | 'text' | 'date' | 'any' | 'other'

export interface TableColumn {
  readonly name: string
  readonly kind: ColumnKind
}

/** The cells of one column, one after the other: a typed array where none is missing, else null or undefined for those. */
export type Cells = ArrayLike<unknown>

/** Some rows of a table, column by column. */
export interface TableChunk {
  /** Number of the first row in the file, counted from 0. */
  readonly firstRow: number
  readonly rows: number
  /** In the order in which they were asked for; those asked for as numbers are good until the next chunk is. */
  readonly columns: readonly Cells[]
}

export interface ColumnRequest {
  readonly name: string
  /**
   * Its cells will be copied as numbers at once, and their memory may be used again. Where a file knows only text, they
   * are read as numbers, NaN for those that are empty.
   */
  readonly numbers: boolean
}

export interface TableRequest {
  readonly columns: readonly ColumnRequest[]
  /** Rows before it are passed over; default 0. */
  readonly firstRow?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A file of rows and named columns that can be read from its beginning, again and again, in constant memory. */
export interface Table {
  /** For messages: `readParquet 'rows.parquet'`. */
  readonly where: string
  readonly columns: readonly TableColumn[]
  /** Rows, where the file says how many. */
  readonly length?: number
  /** Chunks in order. The file is open from the first `next` until the end, an error or `return`. */
  chunks(request: TableRequest): AsyncGenerator<TableChunk, void, undefined>
  /** What is wrong with the file: that it was written to meanwhile, where it was; else the error itself. */
  explained(error: unknown): Promise<unknown>
}
