import type { ColumnMetaData, Encoding, SchemaElement, SchemaTree } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { freshMemory, ReusedMemory } from '../../../lib/data/tables/column-memory.js'
import { parquetCodec } from '../../../lib/data/tables/parquet-codec.js'
import type { RawPage } from '../../../lib/data/tables/parquet-windows.js'

const values = Float32Array.from({ length: 1003 }, (_, row) => Math.fround(Math.sin(row) * 100))

const node = (element: Partial<SchemaElement>): SchemaTree => ({ element, children: [], count: 1, path: [] }) as unknown as SchemaTree

function schemaPath(nullable: boolean): SchemaTree[] {
  return [node({ name: 'root' }), node({ name: 'a', type: 'FLOAT', repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED' })]
}

/** Of the first form, as most writers of today still make them: the levels lie before the values, `shift` bytes into memory. */
function page(
  levels: readonly number[] | undefined,
  cells: Float32Array,
  rows: number,
  shift: number,
  encoding: Encoding = 'PLAIN'
): RawPage {
  const head = levels ? [levels.length, 0, 0, 0, ...levels] : []
  const memory = new Uint8Array(shift + head.length + cells.byteLength)
  memory.set(head, shift)
  memory.set(new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength), shift + head.length)
  const bytes = memory.subarray(shift)
  const column = { type: 'FLOAT', codec: 'UNCOMPRESSED', path_in_schema: ['a'] } as unknown as ColumnMetaData
  const form = { num_values: rows, encoding, definition_level_encoding: 'RLE', repetition_level_encoding: 'RLE' } as const
  const size = bytes.length
  return {
    column,
    header: { type: 'DATA_PAGE', uncompressed_page_size: size, compressed_page_size: size, data_page_header: form },
    bytes,
    firstRow: 0,
    rows
  }
}

describe('a page of the first form', () => {
  const rows = values.length
  /** A run of that many times the same. */
  const run = (count: number, level: number): number[] => [((count << 1) & 127) | 128, (count << 1) >> 7, level]
  const forms: readonly [string, boolean, number[] | undefined][] = [
    ['of a column without nulls', false, undefined],
    ['with one run of levels', true, run(rows, 1)],
    ['with one run that is longer than the page', true, run(rows + 5, 1)],
    ['with two runs', true, [...run(500, 1), ...run(rows - 500, 1)]],
    [
      'with packed levels',
      true,
      [((Math.ceil(rows / 8) << 1) % 128) | 129, (Math.ceil(rows / 8) << 1) >> 7, ...new Array(Math.ceil(rows / 8)).fill(255)]
    ]
  ]

  it.each(forms)('%s gives its numbers, wherever they lie', async (_, nullable, levels) => {
    const codec = await parquetCodec()
    const memory = new ReusedMemory()
    for (const kind of [memory, freshMemory])
      for (let shift = 0; shift < 9; shift++) {
        const cells = codec.page(page(levels, values, rows, shift), schemaPath(nullable), undefined, kind)
        expect(cells).toBeInstanceOf(Float32Array)
        expect(cells).toEqual(values)
      }
  })

  it('gives null where a level says so', async () => {
    const codec = await parquetCodec()
    const there = values.subarray(0, 7)
    const cells = codec.page(page([3, 0b11011110, ...[1 << 1, 1]], there, 9, 0), schemaPath(true), undefined, new ReusedMemory())
    expect(cells).toEqual([null, ...there.subarray(0, 4), null, ...there.subarray(4)])
    const none = codec.page(page([4 << 1, 0], new Float32Array(0), 4, 0), schemaPath(true), undefined, new ReusedMemory())
    expect(none).toEqual([null, null, null, null])
  })

  it('takes what a dictionary stands for', async () => {
    const codec = await parquetCodec()
    const indices = page([4 << 1, 1], new Float32Array(0), 4, 0, 'RLE_DICTIONARY')
    // Indices of two bits: 0, 1, 2, 1.
    const bytes = Uint8Array.from([...indices.bytes, 2, 3, 0b01100100, 0])
    const header = { ...indices.header, uncompressed_page_size: bytes.length, compressed_page_size: bytes.length }
    const cells = codec.page({ ...indices, header, bytes }, schemaPath(true), Float32Array.of(10, 20, 30), new ReusedMemory())
    expect(Array.from(cells)).toEqual([10, 20, 30, 20])
  })
})
