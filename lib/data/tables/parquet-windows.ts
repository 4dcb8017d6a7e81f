import type { ColumnMetaData, PageHeader } from 'hyparquet'
import { FileFormatError } from '../../errors.js'
import type { ColumnMemory } from './column-memory.js'
import type { ParquetCodec } from './parquet-codec.js'
import type { OpenSourceFile } from './source-file.js'

/** Bytes that are read behind a page: the header of the next one, unless its statistics are long. */
const headerBytes = 1 << 10

/** What one row group has of a column. */
export interface ColumnStretch {
  readonly column: ColumnMetaData
  /** In the file. */
  readonly firstRow: number
  readonly rows: number
}

/** A page as it stands in the file. */
export interface RawPage {
  readonly column: ColumnMetaData
  readonly header: PageHeader
  readonly bytes: Uint8Array
  readonly firstRow: number
  /** 0 for a dictionary. */
  readonly rows: number
}

/** Where a page begins. */
interface Place {
  readonly stretch: number
  readonly position: number
  readonly firstRow: number
}

interface Window {
  readonly pages: readonly RawPage[]
  /** Behind them; undefined where there is no other page. */
  readonly next: Place | undefined
  /** Bytes that a window from there needs for its first page, as far as is known. */
  readonly least: number
}

export interface WindowOptions {
  readonly file: OpenSourceFile
  /** Of the column, for messages. */
  readonly name: string
  readonly codec: ParquetCodec
  readonly memory: ColumnMemory
  /** Bytes that one read asks for at least, where the row group has as many. */
  readonly readBytes: number
}

/**
 * Reads the pages of one column in order, through all of its row groups: a window of the file at a time, and the next
 * one while the pages of this are used. A page's bytes are good until the page after it is asked for.
 */
export class ParquetWindows {
  readonly #options: WindowOptions
  readonly #stretches: readonly ColumnStretch[]
  #pages: readonly RawPage[] = []
  #used = 0
  #ahead: Promise<Window> | undefined
  /** Of the memory, which the window ahead is read into. */
  #side: 0 | 1 = 0

  constructor(stretches: readonly ColumnStretch[], options: WindowOptions) {
    this.#stretches = stretches
    this.#options = options
    this.#readAhead(this.#beginOf(0), 0)
  }

  /** The next page; undefined behind the last. */
  async next(): Promise<RawPage | undefined> {
    while (this.#used === this.#pages.length) {
      if (!this.#ahead) return undefined
      const { pages, next, least } = await this.#ahead
      this.#pages = pages
      this.#used = 0
      this.#readAhead(next, least)
    }
    return this.#pages[this.#used++]
  }

  /** Nothing is being read any more. */
  async settle(): Promise<void> {
    await this.#ahead?.catch(() => undefined)
  }

  #readAhead(place: Place | undefined, least: number): void {
    this.#side = this.#side === 0 ? 1 : 0
    this.#ahead = place && this.#read(place, least)
    // Whoever asks for the page hears of it.
    this.#ahead?.catch(() => undefined)
  }

  #beginOf(stretch: number): Place | undefined {
    const found = this.#stretches[stretch]
    if (!found) return undefined
    const { data, dictionary } = { data: found.column.data_page_offset, dictionary: found.column.dictionary_page_offset ?? 0n }
    return { stretch, position: Number(dictionary > 0n && dictionary < data ? dictionary : data), firstRow: found.firstRow }
  }

  async #read(place: Place, least: number): Promise<Window> {
    const { file, memory, readBytes } = this.#options
    const left = this.#endOf(place.stretch) - place.position
    const bytes = memory.window(this.#side, Math.min(left, Math.max(least, readBytes)))
    await file.read(bytes, place.position)
    const window = this.#cut(bytes, place)
    // A page that is larger than was asked for, or its header is: now it is known how large.
    return window.pages.length === 0 && window.next?.stretch === place.stretch ? await this.#read(window.next, window.least) : window
  }

  #endOf(stretch: number): number {
    return this.#beginOf(stretch)!.position + Number(this.#stretches[stretch]!.column.total_compressed_size)
  }

  /** The pages that lie in `bytes`, which begin with one. */
  #cut(bytes: Uint8Array, { stretch, position, firstRow }: Place): Window {
    const { column, firstRow: begin, rows: all } = this.#stretches[stretch]!
    const end = this.#endOf(stretch) - position
    const pages: RawPage[] = []
    let row = firstRow
    for (let at = 0; row < begin + all; ) {
      const found = this.#header(bytes.subarray(at), at + (bytes.length - at) === end)
      // Signed in the file: a page of less than nothing would be read for ever.
      if (found && !(found.header.compressed_page_size >= 0))
        throw this.#wrongPage('no less than 0 bytes', found.header.compressed_page_size)
      const size = found ? found.length + found.header.compressed_page_size : bytes.length - at + 1
      if (!found || at + size > bytes.length) {
        if (at + size > end) throw this.#wrongPage(`${size} bytes`, end - at)
        const least = found ? size + headerBytes : 4 * Math.max(headerBytes, bytes.length - at)
        return { pages, next: { stretch, position: position + at, firstRow: row }, least }
      }
      const { header, length } = found
      const rows = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows ?? 0
      if (rows < 0 || row + rows > begin + all) throw this.#wrongPage(`at most ${begin + all - row} rows`, rows)
      pages.push({ column, header, bytes: bytes.subarray(at + length, at + size), firstRow: row, rows })
      at += size
      row += rows
    }
    return { pages, next: this.#beginOf(stretch + 1), least: 0 }
  }

  /** undefined where it may be cut off by the window's end. */
  #header(bytes: Uint8Array, whole: boolean): { readonly header: PageHeader; readonly length: number } | undefined {
    try {
      return this.#options.codec.header(bytes)
    } catch (error) {
      if (whole) throw error
      return undefined
    }
  }

  #wrongPage(expected: string, actual: number): FileFormatError {
    const { file, name } = this.#options
    return new FileFormatError(`${file.file.where}: expected a page of ${expected} in column '${name}', got ${actual}`)
  }
}
