import { parquetMetadata } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { beforeAll, describe, expect, it } from 'vitest'
import { freshMemory, ReusedMemory } from '../../../lib/data/tables/column-memory.js'
import { type ParquetCodec, parquetCodec } from '../../../lib/data/tables/parquet-codec.js'
import { type ColumnStretch, ParquetWindows, type RawPage } from '../../../lib/data/tables/parquet-windows.js'
import type { OpenSourceFile } from '../../../lib/data/tables/source-file.js'

const rows = 9000
const data = Float64Array.from({ length: rows }, (_, row) => Math.sin(row))
// Pages of some 300 and of some 12,000 bytes, three row groups.
const bytes = new Uint8Array(
  parquetWriteBuffer({ columnData: [{ name: 'a', data, type: 'DOUBLE' }], pageSize: 300, rowGroupSize: 4000, codec: 'UNCOMPRESSED' })
)
const large = new Uint8Array(
  parquetWriteBuffer({ columnData: [{ name: 'a', data, type: 'DOUBLE' }], pageSize: 12_000, rowGroupSize: 4000, codec: 'UNCOMPRESSED' })
)

let codec: ParquetCodec
beforeAll(async () => {
  codec = await parquetCodec()
})

function stretchesOf(file: Uint8Array): ColumnStretch[] {
  let firstRow = 0
  return parquetMetadata(file.slice().buffer).row_groups.map(({ num_rows: count, columns }) => {
    firstRow += Number(count)
    return { column: columns[0]!.meta_data!, firstRow: firstRow - Number(count), rows: Number(count) }
  })
}

/** A file in memory, and how often it was read. */
function opened(content: Uint8Array): { file: OpenSourceFile; reads: () => number } {
  let count = 0
  const read = async (target: Uint8Array, position: number): Promise<void> => {
    count++
    target.set(content.subarray(position, position + target.length))
  }
  return { file: { file: { where: 'rows' }, read } as unknown as OpenSourceFile, reads: () => count }
}

describe('ParquetWindows', () => {
  for (const [name, content] of [
    ['small pages', bytes],
    ['large pages', large]
  ] as const)
    it.each([1, 200, 1500, 5000, 1 << 20])(
      `gives every page once and in order, ${name}, whatever one read gives: %i bytes`,
      async (readBytes) => {
        for (const memory of [new ReusedMemory(), freshMemory]) {
          const { file } = opened(content)
          const windows = new ParquetWindows(stretchesOf(content), { file, name: 'a', codec, memory, readBytes })
          let row = 0
          for (let page = await windows.next(); page; page = await windows.next()) {
            if (page.rows === 0) continue
            expect(page.firstRow).toBe(row)
            expect(numbers(page)).toEqual(data.subarray(row, row + page.rows))
            row += page.rows
          }
          expect(row).toBe(rows)
          expect(await windows.next()).toBe(undefined)
          await windows.settle()
        }
      }
    )

  it('reads one window ahead and no more', async () => {
    const { file, reads } = opened(bytes)
    const windows = new ParquetWindows(stretchesOf(bytes), { file, name: 'a', codec, memory: freshMemory, readBytes: 1 << 20 })
    expect(reads()).toBe(1)
    await windows.next()
    for (let turn = 0; turn < 3; turn++) await windows.next()
    expect(reads()).toBe(2)
    await windows.settle()
  })

  it('refuses a page that is longer than its column', async () => {
    const { file } = opened(bytes)
    const [{ column, ...stretch }] = stretchesOf(bytes) as [ColumnStretch]
    const short = { ...column, total_compressed_size: column.total_compressed_size - 10n }
    const windows = new ParquetWindows([{ ...stretch, column: short }], { file, name: 'a', codec, memory: freshMemory, readBytes: 4096 })
    const readAll = async (): Promise<void> => {
      while (await windows.next());
    }
    await expect(readAll()).rejects.toMatchObject({ name: 'FileFormatError', message: expect.stringContaining("in column 'a'") })
    await windows.settle()
  })

  it.each<[string, (header: ReturnType<ParquetCodec['header']>['header']) => object]>([
    ['of less than nothing', (header) => ({ ...header, compressed_page_size: -20 })],
    ['that gives back as many bytes as its header has', (header) => ({ ...header, compressed_page_size: -1e9 })],
    ['of rows below zero', (header) => ({ ...header, data_page_header: { ...header.data_page_header, num_values: -1 } })],
    ['of more rows than its group', (header) => ({ ...header, data_page_header: { ...header.data_page_header, num_values: 1e6 } })]
  ])('refuses a page %s', async (_, damage) => {
    const damaged: ParquetCodec = {
      ...codec,
      header: (given) => {
        const { header, length } = codec.header(given)
        return { header: damage(header) as typeof header, length }
      }
    }
    const { file } = opened(bytes)
    const windows = new ParquetWindows(stretchesOf(bytes), { file, name: 'a', codec: damaged, memory: freshMemory, readBytes: 4096 })
    await expect(windows.next()).rejects.toMatchObject({ name: 'FileFormatError', message: expect.stringContaining('expected a page of') })
    await windows.settle()
  })
})

const schemaPath = [
  { element: { name: 'root' } },
  { element: { name: 'a', type: 'DOUBLE', repetition_type: 'OPTIONAL' } }
] as unknown as Parameters<ParquetCodec['page']>[1]

function numbers(page: RawPage): Float64Array {
  return codec.page(page, schemaPath, undefined, freshMemory) as Float64Array
}
