import * as zlib from 'node:zlib'
import type { ColumnMetaData, Compressors, DecodedArray, PageHeader, SchemaTree } from 'hyparquet'
import type { Cells } from './table.js'

/** The parts of hyparquet that decode one page of a flat column. */
export interface ParquetCodec {
  header(bytes: Uint8Array): { header: PageHeader; length: number }
  dictionary(header: PageHeader, bytes: Uint8Array, column: ColumnMetaData, schemaPath: SchemaTree[]): DecodedArray
  /** One value a row; null for those that are missing. */
  page(header: PageHeader, bytes: Uint8Array, column: ColumnMetaData, schemaPath: SchemaTree[], dictionary: DecodedArray | undefined): Cells
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
  const decoderOf = (column: ColumnMetaData, schemaPath: SchemaTree[]) => ({
    pathInSchema: column.path_in_schema,
    type: column.type,
    element: schemaPath.at(-1)!.element,
    schemaPath,
    codec: column.codec,
    parsers: DEFAULT_PARSERS,
    compressors
  })
  return {
    header(bytes) {
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
      const header = parquetHeader(reader)
      return { header, length: reader.offset }
    },
    dictionary(header, bytes, column, schemaPath) {
      const decoder = decoderOf(column, schemaPath)
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
      const { data } = readPage(reader, header, decoder, undefined, undefined, 0)
      return convert(data!, decoder)
    },
    page(header, bytes, column, schemaPath, dictionary) {
      const decoder = decoderOf(column, schemaPath)
      const { data_page_header: first, data_page_header_v2: second } = header
      const read = () => {
        if (first) return readDataPage(decompressPage(bytes, header.uncompressed_page_size, column.codec, compressors), first, decoder)
        if (second!.num_nulls > 0) return readDataPageV2(bytes, header, decoder)
        return readDataPageV2(...withoutLevels(header, bytes), { ...decoder, schemaPath: [] })
      }
      const { definitionLevels, dataPage } = read()
      const values = convertWithDictionary(dataPage, dictionary, (first ?? second)!.encoding, decoder)
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

/** Where nothing is null, levels say nothing: decoding them would take as long as the values. */
function withoutLevels(header: PageHeader, bytes: Uint8Array): [Uint8Array, PageHeader] {
  const page = header.data_page_header_v2!
  const levels = page.definition_levels_byte_length + page.repetition_levels_byte_length
  return [
    bytes.subarray(levels),
    {
      ...header,
      uncompressed_page_size: header.uncompressed_page_size - levels,
      data_page_header_v2: { ...page, definition_levels_byte_length: 0, repetition_levels_byte_length: 0 }
    }
  ]
}

/** One cell a level; the values themselves, typed as they are, where none is missing. */
function withNulls(values: DecodedArray, levels: readonly number[]): Cells {
  if (values.length === levels.length) return values
  const cells = new Array<unknown>(levels.length)
  for (let row = 0, next = 0; row < levels.length; row++) cells[row] = levels[row] ? values[next++] : null
  return cells
}
