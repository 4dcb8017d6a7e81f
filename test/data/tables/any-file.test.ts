import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { appendFile, mkdtemp, open, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { RecordBatchStreamWriter, Table, tableFromArrays, tableToIPC } from 'apache-arrow'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createModel,
  linear,
  meanSquaredError,
  type ReadOptions,
  type RowDataset,
  readArrow,
  readCsv,
  readIdxDataset,
  readJsonLines,
  readParquet,
  sgd,
  type TableDataset
} from '../../../lib/index.js'
import { rejection } from '../../helpers/models.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-any-file-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Row {
  readonly a: number | null
  readonly b: number
  readonly word: string
}

/** In small pieces, so that a reader has not all of the file at hand after the first batch. */
interface Format {
  readonly name: string
  write(rows: readonly Row[]): Uint8Array | string | Promise<Uint8Array>
  read(file: string, options?: ReadOptions): Promise<TableDataset>
}

const column = <K extends keyof Row>(rows: readonly Row[], name: K): Row[K][] => rows.map((row) => row[name])

const formats: readonly Format[] = [
  {
    name: 'csv',
    write: (rows) => `a,b,word\n${rows.map(({ a, b, word }) => `${a ?? ''},${b},${word}\n`).join('')}`,
    read: readCsv
  },
  {
    name: 'jsonl',
    // JSON knows no NaN.
    write: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    read: readJsonLines
  },
  {
    name: 'parquet',
    write: (rows) =>
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'a', data: column(rows, 'a'), type: 'DOUBLE', nullable: true },
            { name: 'b', data: column(rows, 'b'), type: 'DOUBLE' },
            { name: 'word', data: column(rows, 'word'), type: 'STRING' }
          ],
          rowGroupSize: 1000,
          codec: 'UNCOMPRESSED'
        })
      ),
    read: readParquet
  },
  {
    name: 'arrow',
    write: async (rows) => {
      const table = tableFromArrays({ a: column(rows, 'a'), b: Float64Array.from(column(rows, 'b')), word: column(rows, 'word') })
      const writer = new RecordBatchStreamWriter()
      for (let start = 0; start < rows.length; start += 1000)
        for (const batch of table.slice(start, start + 1000).batches) writer.write(batch)
      writer.finish()
      return await writer.toUint8Array()
    },
    read: readArrow
  }
]

let files = 0
async function file(content: Uint8Array | string): Promise<string> {
  const target = path.join(folder, `${files++}`)
  await writeFile(target, content)
  return target
}

const rowsOf = (count: number, change: (row: number) => Partial<Row> = () => ({})): Row[] =>
  Array.from({ length: count }, (_, row) => ({ a: row + 0.5, b: row % 7, word: `w${row % 5}`, ...change(row) }))

/** Sizes of the batches before the end or an error. */
async function batchesOf(data: RowDataset, batchSize = 100, signal?: AbortSignal) {
  const sizes: number[] = []
  const x: number[] = []
  let error: (Error & { code?: string; row?: number; column?: string }) | undefined
  try {
    for await (const batch of data.batches({ batchSize, ...(signal ? { signal } : {}) })) {
      const { data: values, shape } = batch.x as { data: Float32Array; shape: number[] }
      sizes.push(shape[0]!)
      x.push(...values)
    }
  } catch (failure) {
    error = failure as Error
  }
  return { sizes, x, error }
}

/** How often this process has the file open, where the system tells. */
function opened(file: string): number {
  if (!existsSync('/proc/self/fd')) return 0
  const targets = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target === file).length
}

describe.each(formats)('a $name file', ({ name, write, read }) => {
  it('with a missing cell gives the rows before it, then its row and column; or leaves it out; or takes the training mean', async () => {
    const holes = await file(await write(rowsOf(2500, (row) => (row === 2345 || row === 2400 ? { a: null } : {}))))
    const { sizes, x, error } = await batchesOf(await read(holes, { x: ['b', 'a'] }))
    expect(sizes).toEqual([...Array(23).fill(100), 45])
    expect(x.slice(-2)).toEqual([2344 % 7, 2344.5])
    expect(error).toMatchObject({ name: 'DataError', code: 'EVENKEEL_DATA', row: 2345, column: 'a' })
    expect(error!.message).toContain("expected a number in column 'a', got none in row 2345")
    const left = await batchesOf(await read(holes, { x: ['a'], missing: 'skip' }))
    expect(left.error).toBeUndefined()
    expect(left.x).toEqual(rowsOf(2500).flatMap(({ a }, row) => (row === 2345 || row === 2400 ? [] : [a])))
    const data = await read(holes, { x: ['a'] })
    const preprocessing = await data.fitPreprocessing({ missing: 'mean', standardize: false })
    const mean = left.x.reduce((sum, value) => sum + value, 0) / left.x.length
    const filled = await batchesOf(data.preprocess(preprocessing))
    expect(filled.sizes).toEqual(Array(25).fill(100))
    expect([filled.x[2344], filled.x[2345], filled.x[2346], filled.x[2400]]).toEqual([2344.5, Math.fround(mean), 2346.5, Math.fround(mean)])
    await expect(data.fitPreprocessing()).rejects.toMatchObject({ name: 'DataError', row: 2345, column: 'a' })
    expect(opened(holes)).toBe(0)
  })

  it('without a column, or with text in one of numbers, says so', async () => {
    const words = await file(await write(rowsOf(30)))
    const missing = await rejection(read(words, { x: ['a', 'c'] }))
    expect(missing).toMatchObject({ name: 'TypeError', code: 'EVENKEEL_TYPE' })
    expect(missing.message).toContain("expected a column 'c', got ['a', 'b', 'word']")
    for (const options of [{ x: ['word'] }, { x: ['a'], y: 'word' }, { x: ['a'], sampleWeight: 'word' }]) {
      const { sizes, error } = await batchesOf(await read(words, options))
      expect(sizes).toEqual([])
      expect(error).toMatchObject({ name: 'DataError', row: 0, column: 'word' })
      expect(error!.message).toContain("expected numbers in column 'word', got 'w0' in row 0")
    }
    expect(opened(words)).toBe(0)
  })

  it('with a bad row trains on the full batches before it, and tells the row', async () => {
    const bad = await file(await write(rowsOf(2500, (row) => (row === 1234 ? { a: null } : {}))))
    const net = createModel(linear(1), { input: [1], seed: 1 })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 1e-9 }) })
    const data = await read(bad, { x: ['a'], y: 'b' })
    await expect(trainer.fit(data, { batchSize: 100 })).rejects.toMatchObject({ name: 'DataError', row: 1234, column: 'a' })
    expect(trainer.steps).toBe(12)
    expect(opened(bad)).toBe(0)
  })

  it('is closed where its reader stops, and by an abort', async () => {
    const long = await file(await write(rowsOf(20_000)))
    const data = await read(long, { x: ['a'] })
    for await (const _ of data.shuffle(500).batches({ batchSize: 10 })) {
      if (existsSync('/proc/self/fd')) expect(opened(long)).toBeGreaterThan(0)
      break
    }
    expect(opened(long)).toBe(0)
    using predictor = createModel(linear(1), { input: [1], seed: 1 }).predictor()
    for await (const _ of predictor.stream(data.batches({ batchSize: 10 }))) break
    const controller = new AbortController()
    const reading = (async () => {
      for await (const _ of data.batches({ batchSize: 10, signal: controller.signal })) controller.abort(new Error('enough'))
    })()
    expect((await rejection(reading)).message).toBe('enough')
    expect(opened(long)).toBe(0)
  })

  const half = async (target: string): Promise<void> => {
    const { length } = await readFile(target)
    await truncate(target, length >> 1)
  }
  const changes: [string, (target: string) => Promise<unknown>][] = [
    ['grows', (target) => appendFile(target, 'x')],
    ['is cut', half],
    [
      'is written anew in place',
      async (target) => {
        const { length } = await readFile(target)
        const handle = await open(target, 'r+')
        await handle.write(Buffer.alloc(length, 'x'), 0, length, 0)
        await handle.close()
        // A clock of whole ticks may give the time of change that it had.
        await utimes(target, new Date(), new Date(Date.now() + 5000))
      }
    ]
  ]
  it.each(changes)('that %s while it is read says so, and not that its content is wrong', async (_how, change) => {
    const changing = await file(await write(rowsOf(300_000)))
    const data = await read(changing, { x: ['a'] })
    const batches = data.batches({ batchSize: 10 })
    await batches.next()
    await change(changing)
    const rest = async () => {
      for await (const _ of batches);
    }
    expect(await rejection(rest())).toMatchObject({ name: 'FileFormatError', code: 'EVENKEEL_FILE_CHANGED' })
    // The next epoch does not begin at all.
    expect(await rejection(data.batches({ batchSize: 10 }).next())).toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
    expect(opened(changing)).toBe(0)
  })

  it('that another takes the place of is read to its end, and not again', async () => {
    const replaced = await file(await write(rowsOf(300_000)))
    const data = await read(replaced, { x: ['a'] })
    const batches = data.batches({ batchSize: 1000 })
    let rows = 1000
    await batches.next()
    await rename(await file(await write(rowsOf(10))), replaced)
    for await (const { x } of batches) rows += (x as { shape: number[] }).shape[0]!
    expect(rows).toBe(300_000)
    expect((await batchesOf(data)).error).toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
  })

  it('that was cut gives the rows that are whole, then an error', async () => {
    const bytes = Buffer.from(await write(rowsOf(2500)))
    const cut = await file(bytes.subarray(0, -20))
    const { sizes, error } = await read(cut, { x: ['a'] }).then(batchesOf, (error: Error) => ({ sizes: [], error }))
    const rows = sizes.reduce((sum, size) => sum + size, 0)
    if (name === 'parquet') expect([rows, error!.name]).toEqual([0, 'FileFormatError'])
    else if (name === 'arrow') expect([rows, error!.name]).toEqual([2000, 'FileFormatError'])
    else {
      expect(rows).toBeGreaterThan(2490)
      expect(error).toMatchObject({ name: 'DataError', row: rows })
    }
  })
})

it('an Arrow file that was cut between two of its batches is refused', async () => {
  const table = new Table(tableFromArrays({ a: Float64Array.from({ length: 10 }, (_, row) => row) }).batches)
  const whole = Buffer.from(tableToIPC(table, 'file'))
  for (let end = (whole.length - 1) & ~7; end > 8; end -= 8) {
    const cut = await file(whole.subarray(0, end))
    const { error } = await readArrow(cut, { x: ['a'] }).then(batchesOf, (error: Error) => ({ error }))
    expect([end, error?.name]).toEqual([end, 'FileFormatError'])
  }
})

describe('an IDX file', () => {
  const idx = (count: number) => {
    const head = Buffer.from([0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 100])
    head.writeUInt32BE(count, 4)
    return Buffer.concat([head, Buffer.alloc(count * 100, 3)])
  }
  const labels = (count: number) => {
    const head = Buffer.from([0, 0, 8, 1, 0, 0, 0, 0])
    head.writeUInt32BE(count, 4)
    return Buffer.concat([head, Buffer.alloc(count, 1)])
  }

  it('is closed where its reader stops, and says that it changed', async () => {
    const [images, classes] = [await file(idx(50_000)), await file(labels(50_000))]
    const data = await readIdxDataset(images, { labels: classes })
    for await (const _ of data.batches({ batchSize: 10 })) break
    expect([opened(images), opened(classes)]).toEqual([0, 0])
    const batches = data.batches({ batchSize: 10 })
    await batches.next()
    await appendFile(classes, 'x')
    const rest = async () => {
      for await (const _ of batches);
    }
    expect(await rejection(rest())).toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
    expect([opened(images), opened(classes)]).toEqual([0, 0])
    expect(await rejection(data.batches({ batchSize: 10 }).next())).toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
    await truncate(images, 1000)
    expect(await rejection(readIdxDataset(images))).toMatchObject({ name: 'FileFormatError' })
  })

  it('that is cut while it is read gives the rows before', async () => {
    const images = await file(idx(50_000))
    const data = await readIdxDataset(images)
    const batches = data.batches({ batchSize: 10 })
    await batches.next()
    await truncate(images, 2_000_000)
    let rows = 10
    const rest = async () => {
      for await (const { x } of batches) rows += (x as { shape: number[] }).shape[0]!
    }
    expect(await rejection(rest())).toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
    // What was read before: blocks of 1 MiB.
    expect(rows).toBe(10_485)
  })
})
