import * as zlib from 'node:zlib'
import type { ColumnMetaData, Compressors, DataPageHeader, DecodedArray, PageHeader, SchemaTree } from 'hyparquet'
import type { readDataPage as ReadDataPage } from 'hyparquet/src/datapage.js'
import type { ColumnMemory } from './column-memory.js'
import type { RawPage } from './parquet-windows.js'
import { copyLiterals } from './snappy-literals.js'
import type { Cells } from './table.js'

type ColumnDecoder = Parameters<typeof ReadDataPage>[2]
type DataPage = ReturnType<typeof ReadDataPage>

/** The parts of hyparquet that decode one page of a flat column. */
export interface ParquetCodec {
  header(bytes: Uint8Array): { header: PageHeader; length: number }
  dictionary(page: RawPage, schemaPath: SchemaTree[]): DecodedArray
  /** One value a row; null for those that are missing. A view of the page's bytes or of the memory, where it can be. */
  page(page: RawPage, schemaPath: SchemaTree[], dictionary: DecodedArray | undefined, memory: ColumnMemory): Cells
}

/**
 * hyparquet's own reader decodes all pages of a column chunk in one go and puts every nullable column into a plain
 * array, whether or not anything is null: for 32 columns of floats, ten times the memory and the time. Its parts do
 * neither.
 */
export async function parquetCodec(): Promise<ParquetCodec> {
  const [
    { parquetHeader, readPage },
    { decompressPage, readDataPage, readDataPageV2 },
    { convert, convertWithDictionary, DEFAULT_PARSERS },
    { compressors: portable }
  ] = await Promise.all([
    import('hyparquet/src/column.js'),
    import('hyparquet/src/datapage.js'),
    import('hyparquet/src/convert.js'),
    import('hyparquet-compressors')
  ])
  const compressors = { ...portable, ...nativeCompressors }
  const decoderOf = (column: ColumnMetaData, schemaPath: SchemaTree[]): ColumnDecoder => ({
    pathInSchema: column.path_in_schema,
    type: column.type,
    element: schemaPath.at(-1)!.element,
    schemaPath,
    codec: column.codec,
    parsers: DEFAULT_PARSERS,
    compressors
  })
  const decompress = (bytes: Uint8Array, size: number, { codec }: ColumnDecoder, memory: ColumnMemory): Uint8Array => {
    if (codec === 'SNAPPY' && bytes.length > size) {
      const target = memory.page(size)
      if (copyLiterals(bytes, target)) return target
    }
    return decompressPage(bytes, size, codec, compressors)
  }
  const wholeColumn = (values: Uint8Array, form: DataPageHeader, decoder: ColumnDecoder, memory: ColumnMemory): DataPage =>
    readDataPage(form.encoding === 'PLAIN' ? aligned(values, memory) : values, form, { ...decoder, schemaPath: [] })
  const firstForm = (
    bytes: Uint8Array,
    { data_page_header: form, ...header }: PageHeader,
    decoder: ColumnDecoder,
    memory: ColumnMemory
  ) => {
    const page = decompress(bytes, header.uncompressed_page_size, decoder, memory)
    const start = decoder.element.repetition_type === 'REQUIRED' ? 0 : behindLevels(page, form!)
    return start < 0 ? readDataPage(page, form!, decoder) : wholeColumn(page.subarray(start), form!, decoder, memory)
  }
  const secondForm = (bytes: Uint8Array, header: PageHeader, decoder: ColumnDecoder, memory: ColumnMemory) => {
    const form = header.data_page_header_v2!
    if (form.num_nulls > 0) return readDataPageV2(bytes, header, decoder)
    const levels = form.definition_levels_byte_length + form.repetition_levels_byte_length
    const rest = bytes.subarray(levels)
    const values = form.is_compressed === false ? rest : decompress(rest, header.uncompressed_page_size - levels, decoder, memory)
    return wholeColumn(values, { ...form, definition_level_encoding: 'RLE', repetition_level_encoding: 'RLE' }, decoder, memory)
  }
  return {
    header(bytes) {
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
      const header = parquetHeader(reader)
      return { header, length: reader.offset }
    },
    dictionary({ header, bytes, column }, schemaPath) {
      const decoder = decoderOf(column, schemaPath)
      // A copy: plain values are a view of it, and are needed longer than the page.
      const reader = { view: new DataView(bytes.slice().buffer), offset: 0 }
      const { data } = readPage(reader, header, decoder, undefined, undefined, 0)
      return convert(data!, decoder)
    },
    page({ header, bytes, column }, schemaPath, dictionary, memory) {
      const decoder = decoderOf(column, schemaPath)
      const read = header.data_page_header ? firstForm : secondForm
      const { definitionLevels, dataPage } = read(bytes, header, decoder, memory)
      const { encoding } = (header.data_page_header ?? header.data_page_header_v2)!
      const values = convertWithDictionary(dataPage, dictionary, encoding, decoder)
      return definitionLevels?.length ? withNulls(values, definitionLevels) : values
    }
  }
}

/** Node's own where it has them: several times the speed. Zstandard came with Node 22.15. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array }
const nativeCompressors: Compressors = {
  GZIP: (bytes) => zlib.gunzipSync(bytes),
  BROTLI: (bytes) => zlib.brotliDecompressSync(bytes),
  ...(zstdDecompressSync ? { ZSTD: zstdDecompressSync } : {})
}

/**
 * Where the values begin behind levels that are one run of "there": what a page without nulls has. Decoding them one by
 * one would take longer than the values. −1 where they are anything else.
 */
function behindLevels(page: Uint8Array, { num_values: values, definition_level_encoding: encoding }: DataPageHeader): number {
  if (encoding !== 'RLE' || page.length < 6) return -1
  const length = page[0]! + page[1]! * 2 ** 8 + page[2]! * 2 ** 16 + page[3]! * 2 ** 24
  let run = 0
  let at = 4
  for (let scale = 1, byte = 128; byte >= 128 && at < page.length; scale *= 128) {
    byte = page[at++]!
    run += (byte & 127) * scale
  }
  // The lowest bit says that the levels are packed one by one.
  return run % 2 === 1 || run / 2 < values || page[at] !== 1 ? -1 : 4 + length
}

/** Where the library can take typed arrays of any kind from it without a copy of its own in fresh memory. */
function aligned(values: Uint8Array, memory: ColumnMemory): Uint8Array {
  if (values.byteOffset % 8 === 0) return values
  const moved = memory.page(values.length)
  moved.set(values)
  return moved
}

/** One cell a level; the values themselves, typed as they are, where none is missing. */
function withNulls(values: DecodedArray, levels: readonly number[]): Cells {
  if (values.length === levels.length) return values
  const cells = new Array<unknown>(levels.length)
  for (let row = 0, next = 0; row < levels.length; row++) cells[row] = levels[row] ? values[next++] : null
  return cells
}
