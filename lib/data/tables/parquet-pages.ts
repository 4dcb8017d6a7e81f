import type { ColumnMetaData, DecodedArray, PageHeader, SchemaTree } from 'hyparquet'
import { FileFormatError } from '../../errors.js'
import type { ParquetCodec } from './parquet-codec.js'
import type { OpenSourceFile } from './source-file.js'
import type { Cells } from './table.js'

/** Bytes that one read asks for: one page of most writers. */
const readBytes = 1 << 20

interface Page {
  readonly header: PageHeader
  readonly bytes: Uint8Array
  readonly rows: number
}

/** Reads one flat column of one row group, page by page, each once and in order. */
export class PageReader {
  readonly #file: OpenSourceFile
  readonly #name: string
  readonly #column: ColumnMetaData
  readonly #schemaPath: SchemaTree[]
  readonly #codec: ParquetCodec
  readonly #chunkEnd: number
  /** Where in the file #bytes begins, what of it was used. */
  #position: number
  #bytes = new Uint8Array(0)
  #used = 0
  #dictionary: DecodedArray | undefined
  #fetched: Page | undefined
  #page: { readonly start: number; readonly end: number; readonly values: Cells } = { start: 0, end: 0, values: [] }

  constructor(file: OpenSourceFile, name: string, column: ColumnMetaData, schemaPath: SchemaTree[], codec: ParquetCodec) {
    const data = Number(column.data_page_offset)
    const dictionary = Number(column.dictionary_page_offset ?? 0)
    this.#file = file
    this.#name = name
    this.#column = column
    this.#schemaPath = schemaPath
    this.#codec = codec
    this.#position = dictionary > 0 && dictionary < data ? dictionary : data
    this.#chunkEnd = this.#position + Number(column.total_compressed_size)
  }

  /** Row after the last one of the page at hand, counted in the row group. */
  get end(): number {
    return this.#page.end
  }

  /** Reads the bytes of the page that holds `row`; pages before it are passed over undecoded. */
  async fetch(row: number): Promise<void> {
    if (row < this.#page.end) return
    let end = this.#page.end
    for (;;) {
      const { header, bytes } = await this.#next()
      if (header.type === 'DICTIONARY_PAGE') {
        this.#dictionary = this.#codec.dictionary(header, bytes, this.#column, this.#schemaPath)
        continue
      }
      const rows = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows
      if (rows === undefined) continue
      if (end + rows > row) {
        this.#page = { start: end, end: end + rows, values: [] }
        this.#fetched = { header, bytes, rows }
        return
      }
      end += rows
    }
  }

  /** Decodes what `fetch` read. */
  decode(): void {
    const page = this.#fetched
    if (!page) return
    this.#fetched = undefined
    const values = this.#codec.page(page.header, page.bytes, this.#column, this.#schemaPath, this.#dictionary)
    if (values.length !== page.rows)
      throw new FileFormatError(
        `${this.#file.file.where}: expected ${page.rows} values in a page of column '${this.#name}', got ${values.length}`
      )
    this.#page = { ...this.#page, values }
  }

  /** Rows start … end − 1, which lie in the page at hand. */
  cells(start: number, end: number): Cells {
    const { values, start: first } = this.#page
    if (Array.isArray(values)) return values.slice(start - first, end - first)
    return (values as Float32Array).subarray(start - first, end - first)
  }

  async #next(): Promise<{ header: PageHeader; bytes: Uint8Array }> {
    const header = await this.#header()
    const length = header.compressed_page_size
    await this.#ensure(length)
    const bytes = this.#bytes.subarray(this.#used, this.#used + length)
    this.#used += length
    return { header, bytes }
  }

  async #header(): Promise<PageHeader> {
    for (let wanted = 1 << 10; ; wanted *= 4) {
      const there = await this.#ensure(wanted, true)
      try {
        const { header, length } = this.#codec.header(this.#bytes.subarray(this.#used))
        this.#used += length
        return header
      } catch (error) {
        // A header is as long as the statistics in it: what ends early is read again with more.
        if (there < wanted) throw error
      }
    }
  }

  /** Has `length` bytes at hand, or as many as the column has left where `least` says so. */
  async #ensure(length: number, least = false): Promise<number> {
    const rest = this.#bytes.length - this.#used
    if (rest >= length) return rest
    const at = this.#position
    const left = this.#chunkEnd - at
    if (rest + left < length && !least)
      throw new FileFormatError(
        `${this.#file.file.where}: expected a page of ${length} bytes in column '${this.#name}', got ${rest + left}`
      )
    // Fresh memory each time: decoded pages may be views of what was read before.
    const bytes = new Uint8Array(rest + Math.min(left, Math.max(length - rest, readBytes)))
    bytes.set(this.#bytes.subarray(this.#used))
    await this.#file.read(bytes.subarray(rest), at)
    this.#position = at + bytes.length - rest
    this.#bytes = bytes
    this.#used = 0
    return bytes.length
  }
}
