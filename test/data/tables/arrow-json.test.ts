import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Bool, Float32, RecordBatchStreamWriter, Table, tableFromArrays, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ReadOptions, readArrow, readJsonLines, type TableDataset } from '../../../lib/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-tables-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function file(content: string | Uint8Array): Promise<string> {
  const target = path.join(folder, `${files++}`)
  await writeFile(target, content)
  return target
}

async function everything(data: TableDataset, batchSize = 300, start = 0) {
  const x: number[] = []
  const y: number[] = []
  const kept: unknown[] = []
  for await (const batch of data.batches({ batchSize, start })) {
    x.push(...(batch.x as { data: Float32Array }).data)
    if (batch.y) y.push(...(batch.y as number[]))
    if (batch.columns) kept.push(...Array.from(Object.values(batch.columns)[0]!))
  }
  return { x, y, kept }
}

const rows = Array.from({ length: 2500 }, (_, row) => ({ a: row / 8, b: row % 7, word: `w${row % 5}`, flag: row % 2 === 0 }))
const options: ReadOptions = { x: ['a', 'flag'], y: 'b', keep: ['word'] }
const expected = {
  x: rows.flatMap(({ a, flag }) => [a, flag ? 1 : 0]),
  y: rows.map(({ b }) => b),
  kept: rows.map(({ word }) => word)
}

describe('readJsonLines', () => {
  const lines = (given: readonly unknown[]) => given.map((row) => JSON.stringify(row)).join('\n')

  it('gives every row, over blank lines and letters that a read cuts in two', async () => {
    expect(await everything(await readJsonLines(await file(lines(rows)), options))).toEqual(expected)
    expect((await everything(await readJsonLines(await file(`${lines(rows)}\r\n\n`), options), 100, 3)).y).toEqual(expected.y.slice(300))
    const words = Array.from({ length: 300 }, (_, row) => ({ a: row, word: 'ü😀'.repeat(1000) + row }))
    const { kept } = await everything(await readJsonLines(await file(lines(words)), { x: ['a'], keep: ['word'] }))
    expect(kept).toEqual(words.map(({ word }) => word))
  })

  it('takes null and absent keys for missing, and knows its columns', async () => {
    const data = await readJsonLines(
      await file(
        lines([
          { a: 1, b: null, c: 'x' },
          { a: 2, d: [1] },
          { b: 3, c: 4, e: true }
        ])
      ),
      { x: ['a'], missing: 'skip' }
    )
    expect(data.columns).toEqual([
      { name: 'a', kind: 'number' },
      { name: 'b', kind: 'number' },
      { name: 'c', kind: 'other' },
      { name: 'd', kind: 'other' },
      { name: 'e', kind: 'boolean' }
    ])
    expect((await everything(data)).x).toEqual([1, 2])
  })

  it('delivers what is before a mistake, and tells its row', async () => {
    const path = await file(`${lines(rows.slice(0, 250))}\n{"a": 1,\n`)
    const seen: number[] = []
    const reading = (async () => {
      for await (const { y } of (await readJsonLines(path, options)).batches({ batchSize: 100 })) seen.push((y as number[]).length)
    })()
    await expect(reading).rejects.toMatchObject({
      name: 'DataError',
      row: 250,
      message: expect.stringContaining('expected a line of JSON, got \'{"a": 1,\' in row 250')
    })
    expect(seen).toEqual([100, 100, 50])
    await expect(readJsonLines(await file('[1]\n'))).rejects.toThrow('expected an object a line, got [1] in row 0')
    await expect(readJsonLines(await file('\n'))).rejects.toThrow('expected an object a line, got no line')
    await expect(everything(await readJsonLines(await file(lines([{ a: 1 }, { a: '2' }]))))).rejects.toThrow(
      "expected numbers in column 'a', got '2' in row 1"
    )
  })

  it('refuses a file that grows', async () => {
    const path = await file(lines(rows))
    const data = await readJsonLines(path, options)
    await appendFile(path, '\n{}')
    await expect(everything(data)).rejects.toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
  })
})

describe('readArrow', () => {
  const table = new Table({
    a: vectorFromArray(
      rows.map(({ a }) => a),
      new Float32()
    ),
    b: vectorFromArray(Int32Array.from(rows, ({ b }) => b)),
    word: vectorFromArray(rows.map(({ word }) => word)),
    flag: vectorFromArray(
      rows.map(({ flag }) => flag),
      new Bool()
    )
  })

  it.each(['file', 'stream'] as const)('gives every row of a %s', async (format) => {
    const data = await readArrow(await file(tableToIPC(table, format)), options)
    expect(data.columns.map(({ kind }) => kind)).toEqual(['number', 'integer', 'text', 'boolean'])
    expect(await everything(data)).toEqual(expected)
    expect((await everything(data, 100, 7)).y).toEqual(expected.y.slice(700))
  })

  it('reads record batch after record batch', async () => {
    const writer = new RecordBatchStreamWriter()
    for (let start = 0; start < 2500; start += 700) for (const batch of table.slice(start, start + 700).batches) writer.write(batch)
    writer.finish()
    expect(await everything(await readArrow(await file(await writer.toUint8Array()), options))).toEqual(expected)
  })

  it('tells of missing cells, or leaves their rows out', async () => {
    const holes = tableFromArrays({ a: [1, null, 3, null], b: Float64Array.of(1, 2, 3, 4) })
    const path = await file(tableToIPC(holes))
    await expect(everything(await readArrow(path))).rejects.toMatchObject({ row: 1, column: 'a' })
    expect((await everything(await readArrow(path, { missing: 'skip' }))).x).toEqual([1, 1, 3, 3])
  })

  it('refuses other files and columns', async () => {
    await expect(readArrow(await file('a,b\n1,2\n'))).rejects.toMatchObject({ name: 'FileFormatError' })
    await expect(readArrow(await file(tableToIPC(table)), { x: ['c'] })).rejects.toThrow("expected a column 'c'")
  })
})
