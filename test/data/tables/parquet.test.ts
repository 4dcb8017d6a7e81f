import { mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as zlib from 'node:zlib'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Batch, readParquet, type Tensor } from '../../../lib/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-parquet-'))
})
afterAll(() => rm(folder, { recursive: true }))

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData']
type Options = Omit<Parameters<typeof parquetWriteBuffer>[0], 'columnData'>

async function file(name: string, columnData: Columns, options: Options = {}): Promise<string> {
  const target = path.join(folder, name)
  await writeFile(target, new Uint8Array(parquetWriteBuffer({ columnData, ...options })))
  return target
}

const rows = 5003
const floats = Float32Array.from({ length: rows }, (_, row) => Math.fround(Math.sin(row) * 1000))
const doubles = Float64Array.from({ length: rows }, (_, row) => row / 3)
const integers = Int32Array.from({ length: rows }, (_, row) => (row * 7919) % 100003)
const longs = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row) * 3n - 5000n)
const flags = Array.from({ length: rows }, (_, row) => row % 3 === 0)
const words = Array.from({ length: rows }, (_, row) => `word ${row % 17}`)
const everyKind: Columns = [
  { name: 'float', data: floats, type: 'FLOAT' },
  { name: 'double', data: doubles, type: 'DOUBLE', nullable: false },
  { name: 'integer', data: integers, type: 'INT32' },
  { name: 'long', data: longs, type: 'INT64' },
  { name: 'flag', data: flags, type: 'BOOLEAN' },
  { name: 'word', data: words, type: 'STRING' }
]

async function everything(path: string, options: Parameters<typeof readParquet>[1], batchSize = 700, start = 0) {
  const x: number[] = []
  const y: number[] = []
  const kept: unknown[] = []
  const sizes: number[] = []
  let firstRow = start * batchSize
  for await (const batch of (await readParquet(path, options)).batches({ batchSize, start })) {
    const { data, shape } = batch.x as { data: Float32Array; shape: number[] }
    x.push(...data)
    sizes.push(shape[0]!)
    if (batch.y) y.push(...(batch.y as number[]))
    if (batch.columns) kept.push(...Array.from(batch.columns.word!))
    if (batch.firstRow !== undefined) expect(batch.firstRow).toBe(firstRow)
    firstRow += shape[0]!
  }
  return { x, y, kept, sizes }
}

describe('readParquet', () => {
  const codecs: readonly [string, Options][] = [
    ['uncompressed', { codec: 'UNCOMPRESSED' }],
    ['snappy, small pages and groups', { pageSize: 1 << 12, rowGroupSize: [100, 1000] }],
    ['gzip', { codec: 'GZIP', pageSize: 1 << 12, compressors: { GZIP: (bytes) => zlib.gzipSync(bytes) } }],
    ['brotli', { codec: 'BROTLI', pageSize: 1 << 12, compressors: { BROTLI: (bytes) => zlib.brotliCompressSync(bytes) } }]
  ]

  it.each(codecs)('gives every number of every type, in order: %s', async (name, options) => {
    const path = await file(`kinds-${name}.parquet`, everyKind, options)
    const { x, y, kept, sizes } = await everything(path, { x: ['double', 'float', 'long', 'flag'], y: 'integer', keep: ['word'] })
    const expected = Array.from({ length: rows }, (_, row) => [
      Math.fround(doubles[row]!),
      floats[row]!,
      Number(longs[row]!),
      flags[row] ? 1 : 0
    ])
    expect(x).toEqual(expected.flat())
    expect(y).toEqual(Array.from(integers))
    expect(kept).toEqual(words)
    expect(sizes).toEqual([700, 700, 700, 700, 700, 700, 700, 103])
  })

  it('reads what the library itself reads', async () => {
    const path = await file('oracle.parquet', everyKind, { pageSize: 3000, rowGroupSize: 999 })
    const objects = await parquetReadObjects({ file: await asyncBufferFromFile(path) })
    const { x, y } = await everything(path, { x: ['integer', 'float'], y: 'double' }, 64)
    expect(x).toEqual(objects.flatMap(({ integer, float }) => [integer, float]))
    expect(y).toEqual(objects.map(({ double }) => double))
  })

  it('passes over batches without reading them', async () => {
    const path = await file('skip.parquet', everyKind, { pageSize: 1 << 12, rowGroupSize: 1500 })
    const all = await everything(path, { x: ['double'], y: 'integer' }, 600)
    for (const start of [0, 1, 3, 8, 9]) {
      const { x, y } = await everything(path, { x: ['double'], y: 'integer' }, 600, start)
      expect(x).toEqual(all.x.slice(start * 600))
      expect(y).toEqual(all.y.slice(start * 600))
    }
  })

  it.each(codecs)('gives batches that stay as they are while the rows after them are read: %s', async (name, options) => {
    const path = await file(`lasting-${name}.parquet`, everyKind, options)
    const keep = ['float', 'double', 'integer', 'long', 'word'] as const
    const batches: Batch[] = []
    for await (const batch of (await readParquet(path, { x: ['float', 'double'], y: 'integer', sampleWeight: 'float', keep })).batches({
      batchSize: 64
    }))
      batches.push(batch)
    const all = (values: (batch: Batch) => Iterable<unknown>): unknown[] => batches.flatMap((batch) => [...values(batch)])
    expect(all(({ x }) => (x as Tensor).data)).toEqual(Array.from(floats).flatMap((value, row) => [value, Math.fround(doubles[row]!)]))
    expect(all(({ y }) => y as number[])).toEqual(Array.from(integers))
    expect(all(({ sampleWeight }) => Array.from(sampleWeight!))).toEqual(Array.from(floats))
    for (const [index, values] of [floats, doubles, integers, longs, words].entries())
      expect(all(({ columns }) => Array.from(columns![keep[index]!]!))).toEqual(Array.from(values as ArrayLike<unknown>))
  })

  it('reads files whose pages and row groups are larger than what is read at a time', async () => {
    const count = 400_000
    const data = Float64Array.from({ length: count }, (_, row) => Math.sin(row))
    const columns: Columns = [{ name: 'a', data, type: 'DOUBLE', nullable: false }]
    const path = await file('large.parquet', columns, { codec: 'UNCOMPRESSED', pageSize: 1_500_000, rowGroupSize: 250_000 })
    let row = 0
    for await (const { x } of (await readParquet(path)).batches({ batchSize: 10_000 }))
      for (const value of (x as Tensor).data) if (value !== Math.fround(data[row++]!)) throw new Error(`row ${row - 1}: ${value}`)
    expect(row).toBe(count)
  })

  it('knows its length, columns and their kinds', async () => {
    const data = await readParquet(await file('columns.parquet', everyKind), { x: ['float'] })
    expect(data.length).toBe(rows)
    expect(data.columns).toEqual([
      { name: 'float', kind: 'number' },
      { name: 'double', kind: 'number' },
      { name: 'integer', kind: 'integer' },
      { name: 'long', kind: 'integer' },
      { name: 'flag', kind: 'boolean' },
      { name: 'word', kind: 'text' }
    ])
  })

  it('tells of missing cells by row, or leaves such rows out', async () => {
    const holes = Array.from({ length: 100 }, (_, row) => (row % 10 === 7 ? null : row))
    const path = await file('holes.parquet', [
      { name: 'a', data: holes, type: 'INT32' },
      { name: 'b', data: Array.from({ length: 100 }, (_, row) => (row === 3 ? Number.NaN : row)), type: 'DOUBLE' }
    ])
    await expect(everything(path, { x: ['a'] })).rejects.toMatchObject({ name: 'DataError', row: 7, column: 'a' })
    await expect(everything(path, { x: ['b'] })).rejects.toThrow("expected a number in column 'b', got none in row 3")
    const { x } = await everything(path, { x: ['a', 'b'], missing: 'skip' }, 9)
    const wide = ['c', 'd', 'e', 'f', 'g'].map((name, column) => ({
      name,
      data: Float32Array.from({ length: 100 }, (_, row) =>
        row === 20 + column ? [Number.NaN, Number.POSITIVE_INFINITY][column % 2]! : row
      ),
      type: 'FLOAT' as const
    }))
    const beside = await file('wide-holes.parquet', wide)
    // Column g is written alone, the four before it together; an infinite number is one.
    await expect(everything(beside, {})).rejects.toMatchObject({ row: 20, column: 'c' })
    await expect(everything(beside, { x: ['d', 'e', 'f', 'g'] })).rejects.toMatchObject({ row: 22, column: 'e' })
    await expect(everything(beside, { x: ['d', 'f', 'g'] })).rejects.toMatchObject({ row: 24, column: 'g' })
    expect((await everything(beside, { missing: 'skip' })).x).toHaveLength(97 * 5)
    const left = holes.filter((value) => value !== null && value !== 3)
    expect(x).toEqual(left.flatMap((value) => [value, value]))
    expect((await everything(path, { x: ['a', 'b'], missing: 'skip' }, 9, 4)).x).toEqual(left.slice(36).flatMap((value) => [value, value]))
  })

  it('refuses a column that is missing or holds text', async () => {
    const path = await file('refused.parquet', everyKind)
    await expect(readParquet(path, { x: ['floot'] })).rejects.toThrow(
      /readParquet '.*refused.parquet': expected a column 'floot', got \['float', 'double', 'integer', 'long', 'flag', 'word'\]/
    )
    await expect(everything(path, { x: ['float', 'word'] })).rejects.toThrow(/expected numbers in column 'word', got 'word 0' in row 0/)
  })

  it('refuses other files, cut ones, and ones that change', async () => {
    const path = await file('text.parquet', everyKind)
    await writeFile(path, 'no parquet at all, but long enough to look like a file')
    await expect(readParquet(path)).rejects.toMatchObject({ name: 'FileFormatError' })
    await expect(readParquet(`${path}.none`)).rejects.toMatchObject({ code: 'ENOENT' })
    const changing = await file('changing.parquet', everyKind, { codec: 'UNCOMPRESSED' })
    const data = await readParquet(changing, { x: ['float'] })
    const batches = data.batches({ batchSize: 10 })
    await batches.next()
    await utimes(changing, new Date(), new Date(Date.now() + 5000))
    await expect(
      (async () => {
        for await (const _ of batches);
      })()
    ).rejects.toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
    await truncate(changing, 100)
    await expect(data.batches({ batchSize: 10 }).next()).rejects.toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
  })
})
