import type { DecodedArray, SchemaTree } from 'hyparquet'
import { FileFormatError } from '../../errors.js'
import { type ColumnStretch, ParquetWindows, type RawPage, type WindowOptions } from './parquet-windows.js'
import type { Cells } from './table.js'

/** Reads one flat column page by page, each once and in order. */
export class PageReader {
  readonly #options: WindowOptions
  readonly #schemaPath: SchemaTree[]
  readonly #windows: ParquetWindows
  #dictionary: DecodedArray | undefined
  #fetched: RawPage | undefined
  #page: { readonly start: number; readonly end: number; readonly values: Cells } = { start: 0, end: 0, values: [] }

  constructor(stretches: readonly ColumnStretch[], schemaPath: SchemaTree[], options: WindowOptions) {
    this.#options = options
    this.#schemaPath = schemaPath
    this.#windows = new ParquetWindows(stretches, options)
  }

  /** Row after the last one of the page at hand. */
  get end(): number {
    return this.#page.end
  }

  /** Reads the bytes of the page that holds `row`; pages before it are passed over undecoded. */
  async fetch(row: number): Promise<void> {
    while (this.#page.end <= row) {
      const page = await this.#windows.next()
      if (!page) throw this.#wrong(`row ${row} in column '${this.#options.name}'`, 'its end')
      const { header, firstRow, rows } = page
      if (header.type === 'DICTIONARY_PAGE') this.#dictionary = this.#options.codec.dictionary(page, this.#schemaPath)
      if (firstRow + rows <= row) continue
      this.#page = { start: firstRow, end: firstRow + rows, values: [] }
      this.#fetched = page
    }
  }

  /** Decodes what `fetch` read. */
  decode(): void {
    const page = this.#fetched
    if (!page) return
    this.#fetched = undefined
    const { codec, memory, name } = this.#options
    const values = codec.page(page, this.#schemaPath, this.#dictionary, memory)
    if (values.length !== page.rows) throw this.#wrong(`${page.rows} values in a page of column '${name}'`, `${values.length}`)
    this.#page = { ...this.#page, values }
  }

  /** Rows start … end − 1, which lie in the page at hand. */
  cells(start: number, end: number): Cells {
    const { values, start: first } = this.#page
    if (Array.isArray(values)) return values.slice(start - first, end - first)
    return (values as Float32Array).subarray(start - first, end - first)
  }

  /** Nothing is being read any more. */
  async settle(): Promise<void> {
    await this.#windows.settle()
  }

  #wrong(expected: string, actual: string): FileFormatError {
    return new FileFormatError(`${this.#options.file.file.where}: expected ${expected}, got ${actual}`)
  }
}
