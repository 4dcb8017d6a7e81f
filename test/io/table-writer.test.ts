import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shortestFloat } from '../../lib/io/float-text.js'
import { type OutputColumn, type OutputRows, writeTable } from '../../lib/io/table-writer.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-tables-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const columns: OutputColumn[] = [
  { name: 'text, "quoted"', kind: 'text' },
  { name: 'number', kind: 'number' },
  { name: 'integer', kind: 'integer' },
  { name: 'flag', kind: 'boolean' },
  { name: 'day', kind: 'date' },
  { name: 'p', kind: 'float' }
]
const day = new Date('2024-02-29T12:00:00.000Z')
const pieces: OutputRows[] = [
  [
    ['a,b', 'line\nbreak', null],
    new Float64Array([0.1, 1e300, -0]),
    [1n, null, -5n],
    [true, false, null],
    [day, null, day],
    new Float32Array([0.1, 3e-8, 1 / 3])
  ],
  [[''], [Number.NaN], [7n], [true], [null], new Float32Array([Number.POSITIVE_INFINITY])]
]
async function* rows(failAfter = Number.POSITIVE_INFINITY): AsyncGenerator<OutputRows, void, undefined> {
  for (const [index, piece] of pieces.entries()) {
    if (index >= failAfter) throw new Error('the source broke')
    yield piece
  }
}
const file = (name: string): string => path.join(folder, name)

describe('writeTable', () => {
  it('writes CSV that a CSV library reads back', async () => {
    await writeTable('test', file('a.csv'), columns, rows())
    const read = parse(await readFile(file('a.csv')))
    expect(read).toEqual([
      columns.map(({ name }) => name),
      ['a,b', '0.1', '1', 'true', day.toISOString(), '0.1'],
      ['line\nbreak', '1e+300', '', 'false', '', '3e-8'],
      ['', '0', '-5', '', day.toISOString(), '0.33333334'],
      ['', '', '7', 'true', '', 'Infinity']
    ])
    await writeTable('test', file('a.tsv'), columns, rows())
    expect(parse(await readFile(file('a.tsv')), { delimiter: '\t' })).toEqual(read)
  })

  it('writes JSON lines', async () => {
    await writeTable('test', file('a.jsonl'), columns, rows())
    const lines = (await readFile(file('a.jsonl'), 'utf8')).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => Object.values(JSON.parse(line)))).toEqual([
      ['a,b', 0.1, 1, true, day.toISOString(), 0.1],
      ['line\nbreak', 1e300, null, false, null, 3e-8],
      [null, 0, -5, null, day.toISOString(), 0.33333334],
      ['', null, 7, true, null, null]
    ])
  })

  it('writes Parquet with the types of the columns', async () => {
    await writeTable('test', file('a.parquet'), columns, rows())
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(file('a.parquet')) })
    expect(read.map((row) => Object.values(row))).toEqual([
      ['a,b', 0.1, 1n, true, day, Math.fround(0.1)],
      ['line\nbreak', 1e300, null, false, null, Math.fround(3e-8)],
      [null, -0, -5n, null, day, Math.fround(1 / 3)],
      ['', Number.NaN, 7n, true, null, Number.POSITIVE_INFINITY]
    ])
  })

  it('writes Parquet of several row groups', async () => {
    async function* many(): AsyncGenerator<OutputRows, void, undefined> {
      for (let start = 0; start < 150_000; start += 1000) yield [Float32Array.from({ length: 1000 }, (_, i) => start + i)]
    }
    await writeTable('test', file('many.parquet'), [{ name: 'p', kind: 'float' }], many())
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(file('many.parquet')), rowStart: 149_990 })
    expect(read.map(({ p }) => p)).toEqual(Array.from({ length: 10 }, (_, i) => 149_990 + i))
  })

  it('writes Parquet whose numbers come typed, as lists, and with some missing', async () => {
    const part = 50_000
    const numbers = (start: number): number[] => Array.from({ length: part }, (_, i) => (start + i) / 3)
    const holes = numbers(2 * part).map((value, i) => (i % 2 ? value : null))
    const pieces = [
      new Float64Array(numbers(0)),
      numbers(part),
      holes,
      Float32Array.from(numbers(3 * part)),
      new Float64Array(numbers(4 * part))
    ]
    async function* many(): AsyncGenerator<OutputRows, void, undefined> {
      for (const piece of [...pieces, new Float64Array([...pieces[0]!, ...pieces[1]!, ...pieces[4]!] as number[])]) yield [piece]
    }
    await writeTable('test', file('mixed.parquet'), [{ name: 'n', kind: 'number' }], many())
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(file('mixed.parquet')) })
    const expected = [...pieces, pieces[0]!, pieces[1]!, pieces[4]!].flatMap((piece) => Array.from(piece as ArrayLike<unknown>))
    expect(read.length).toBe(expected.length)
    expect(read.findIndex(({ n }, row) => !Object.is(n, expected[row]))).toBe(-1)
  })

  it('writes files of no rows', async () => {
    for (const name of ['empty.csv', 'empty.jsonl', 'empty.parquet']) {
      await writeTable('test', file(name), columns, (async function* (): AsyncGenerator<OutputRows> {})())
      if (name.endsWith('parquet')) expect(await parquetReadObjects({ file: await asyncBufferFromFile(file(name)) })).toEqual([])
      else expect((await readFile(file(name), 'utf8')).split('\n').length).toBe(name.endsWith('csv') ? 2 : 1)
    }
  })

  it('leaves nothing behind where the rows end in an error', async () => {
    const before = await readdir(folder)
    for (const name of ['broken.csv', 'broken.jsonl', 'broken.parquet'])
      await expect(writeTable('test', file(name), columns, rows(1))).rejects.toThrow('the source broke')
    expect(await readdir(folder)).toEqual(before)
  })

  it('refuses other extensions and names that come twice', async () => {
    await expect(writeTable('test', file('a.xlsx'), columns, rows())).rejects.toThrow(
      /^test: expected a file that ends in \.csv, \.tsv, \.jsonl, \.ndjson, \.parquet, got '.*a\.xlsx'$/
    )
    await expect(writeTable('test', file('b.csv'), [columns[0]!, columns[0]!], rows())).rejects.toThrow(
      /every column to have a name of its own/
    )
  })
})

describe('shortestFloat', () => {
  it('reads back as the same float32, in at most nine digits', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        const short = shortestFloat(value)
        expect(Math.fround(short)).toBe(value)
        if (Number.isFinite(value)) expect(short.toExponential().replace(/[-.]|e.*/g, '').length).toBeLessThanOrEqual(9)
      })
    )
    expect(shortestFloat(Math.fround(0.1))).toBe(0.1)
  })
})
