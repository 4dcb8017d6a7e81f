import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CsvParser, Reading } from '../../../lib/data/tables/csv-parser.js'
import { type ReadCsvOptions, readCsv } from '../../../lib/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-csv-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function file(text: string | Uint8Array): Promise<string> {
  const target = path.join(folder, `${files++}.csv`)
  await writeFile(target, text)
  return target
}

async function everything(text: string | Uint8Array, options: ReadCsvOptions = {}, batchSize = 3) {
  const x: number[][] = []
  const y: number[] = []
  const kept: Record<string, unknown[]> = {}
  for await (const batch of (await readCsv(await file(text), options)).batches({ batchSize })) {
    const { data, shape } = batch.x as { data: Float32Array; shape: number[] }
    for (let row = 0; row < shape[0]!; row++) x.push([...data.subarray(row * shape[1]!, (row + 1) * shape[1]!)])
    if (batch.y) y.push(...(batch.y as number[]))
    for (const [name, cells] of Object.entries(batch.columns ?? {})) (kept[name] ??= []).push(...Array.from(cells))
  }
  return { x, y, kept }
}

/** The texts of all cells, in slices of `slice` bytes. */
function cellsOf(text: string, columns: number, slice: number, delimiter = ','): string[][] {
  const bytes = Buffer.concat([Buffer.from(text), Buffer.alloc(1)])
  const names = Array.from({ length: columns }, (_, index) => `c${index}`)
  const parser = new CsvParser('test', names, new Uint8Array(columns).fill(Reading.text), delimiter.charCodeAt(0))
  const rows: string[][] = []
  const last = bytes.length - 1
  let at = 0
  for (let end = 0; end < last; ) {
    end = Math.min(last, end + slice)
    at = parser.parse(bytes, at, end, end === last)
    const { rows: count, texts } = parser.take()
    for (let row = 0; row < count; row++) rows.push(names.map((_, column) => texts(column)[row] as string))
  }
  return rows
}

describe('CsvParser', () => {
  const cell = fc.oneof(
    fc.constantFrom('', '0', '-1.5', '"', '""', ',', '\n', '\r', '\r\n', ' ', 'a,b', 'ü', '😀', '\u0000'),
    fc.string({ maxLength: 12, unit: 'grapheme' })
  )

  it('gives what csv-parse gives, wherever the slices are cut', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 2, max: 4 })
          .chain((columns) => fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 8 })),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.constantFrom(',', ';', '\t'),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (rows, newline, ended, delimiter, slice, always) => {
          const written = (text: string) => (always || /["\r\n,;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
          const text = rows.map((row) => row.map(written).join(delimiter)).join(newline) + (ended ? newline : '')
          const expected = parse(text, { delimiter, record_delimiter: newline, skip_empty_lines: true }) as unknown as string[][]
          const found = cellsOf(text, rows[0]!.length, slice, delimiter)
          expect(found).toEqual(expected)
          expect(found).toEqual(rows)
        }
      ),
      { numRuns: 400 }
    )
  })

  it('reads every number as Number does', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.integer().map(String),
      fc
        .tuple(fc.integer({ min: 0, max: 10 ** 9 }), fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 25 }))
        .map(([a, b]) => `${a}.${b}`),
      fc.constantFrom(
        '-0',
        '.5',
        '5.',
        '+3',
        ' 7 ',
        '1e5',
        '-1E-400',
        '9007199254740993',
        '0.1',
        '123456789012345678',
        '1e400',
        '-Infinity'
      )
    )
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 9 }), fc.boolean(), (texts, quoted) => {
        const text = quoted ? texts.map((value) => `"${value}"`).join('\n') : texts.join('\n')
        const bytes = Buffer.concat([Buffer.from(text), Buffer.alloc(1)])
        const parser = new CsvParser('test', ['a'], Uint8Array.of(Reading.number), 44)
        parser.parse(bytes, 0, bytes.length - 1, true)
        expect(Array.from(parser.take().numbers(0))).toEqual(texts.map(Number))
      }),
      { numRuns: 500 }
    )
  })
})

describe('readCsv', () => {
  it('selects columns, and carries others along', async () => {
    const text = 'name,a,b,label\n"x, ""y""",1,2.5,0\nü,-3,1e3,1\n\n"two\nlines",.5,7,1\n'
    const { x, y, kept } = await everything(text, { x: ['b', 'a'], y: 'label', keep: ['name', 'a'] }, 2)
    expect(x).toEqual([
      [2.5, 1],
      [1000, -3],
      [7, 0.5]
    ])
    expect(y).toEqual([0, 1, 1])
    expect(kept).toEqual({ name: ['x, "y"', 'ü', 'two\nlines'], a: ['1', '-3', '.5'] })
  })

  it.each(['\n', '\r\n', '\r'])('takes rows that end in %j, with or without the last, after a byte order mark', async (newline) => {
    for (const text of ['a,b', '1,2', '3,4'].join(newline).split('|'))
      for (const ended of [text, text + newline, `\ufeff${text}`])
        expect((await everything(ended)).x).toEqual([
          [1, 2],
          [3, 4]
        ])
  })

  it('reads a file of many slices as csv-parse does', async () => {
    const lines = Array.from(
      { length: 40_000 },
      (_, row) => `${row},${(row * 7919) % 1009},"q${row % 7}, ""${row}""",${(row / 7).toFixed(row % 9)},${row % 5 === 0 ? '' : row}`
    )
    const text = `a,b,c,d,e\n${lines.join('\n')}\n`
    const expected = parse(text, { columns: true }) as unknown as Record<string, string>[]
    const { x, y, kept } = await everything(text, { x: ['d', 'b'], y: 'a', keep: ['c', 'e'] }, 1000)
    expect(x).toEqual(expected.map(({ d, b }) => [Math.fround(Number(d)), Number(b)]))
    expect(y).toEqual(expected.map(({ a }) => Number(a)))
    expect(kept.c).toEqual(expected.map(({ c }) => c))
    expect(kept.e).toEqual(expected.map(({ e }) => e))
  })

  it('takes other delimiters, names from outside, and rows longer than a slice', async () => {
    expect((await everything('1;2\n3;4', { delimiter: ';', header: ['a', 'b'], x: ['b'] })).x).toEqual([[2], [4]])
    const long = 'x'.repeat(3_000_000)
    expect((await everything(`a,t\n1,"${long}"\n2,short\n`, { x: ['a'], keep: ['t'] })).kept.t).toEqual([long, 'short'])
  })

  it('knows its columns, and has no rows where there are none', async () => {
    const data = await readCsv(await file('a,b,c,d\n1,x,,NA\n2.5,3,,4\n'), { x: ['a'] })
    expect(data.columns.map(({ kind }) => kind)).toEqual(['number', 'text', 'any', 'number'])
    expect(data.length).toBeUndefined()
    expect((await everything('a,b\n')).x).toEqual([])
  })

  it('leaves rows with missing cells out where it is told to', async () => {
    const text = 'a,b\n1,2\n,3\nNA,4\n5,NaN\n6,7\n'
    await expect(everything(text)).rejects.toMatchObject({ name: 'DataError', row: 1, column: 'a' })
    expect((await everything(text, { missing: 'skip' })).x).toEqual([
      [1, 2],
      [6, 7]
    ])
  })

  it.each([
    ['a,b\n1,2\n3\n4,5\n', 'expected 2 cells, got 1 in row 1'],
    ['a,b\n1,2\n3,4,5,6\n', 'expected 2 cells, got 4 in row 1'],
    ['a,b\n1,2\n3,x\n', "expected numbers in column 'b', got 'x' in row 1"],
    ['a,b\n1,0x10\n', "expected numbers in column 'b', got '0x10' in row 0"],
    ['a,b\n1,"2\n', 'expected a closing quote, got the end of the file in row 0'],
    ['a,b\n1,"2"3\n', "expected a quoted cell to end at its quote, got '3' after it in row 0"]
  ])('tells the row of what is wrong in %j', async (text, message) => {
    await expect(everything(text)).rejects.toThrow(message)
  })

  it.each([
    ['a;b\n1;2\n', {}, /expected more than one column, got 'a;b'. Say what stands between: delimiter: ";"/],
    ['a,a\n1,2\n', {}, /expected every column to have a name of its own, got 'a' twice/],
    ['', {}, /expected a row of names, got none/],
    ['a,b\n1,2\n', { header: ['a'] }, /expected 1 cells a row, as many as names, got 2/],
    ['a,b\n', { delimiter: ';;' }, /expected delimiter to be one character such as/],
    ['a,b\n', { x: ['c'] }, /expected a column 'c', got \['a', 'b'\]/],
    ['a,b\n', { delimeter: ';' } as never, /got 'delimeter'. Did you mean delimiter\?/]
  ])('refuses %j %j at once', async (text, options, message) => {
    await expect(file(text).then((path) => readCsv(path, options))).rejects.toThrow(message)
  })

  it('refuses UTF-16 and a file that grows while it is read', async () => {
    await expect(readCsv(await file(Buffer.from('\ufeffa,b\n', 'utf16le')))).rejects.toThrow('expected UTF-8, got UTF-16')
    const path = await file(`a\n${'1\n'.repeat(3_000_000)}`)
    const batches = (await readCsv(path)).batches({ batchSize: 64 })
    expect((await batches.next()).value).toMatchObject({ firstRow: 0 })
    await appendFile(path, '2\n')
    const rest = async () => {
      for await (const _ of batches);
    }
    await expect(rest()).rejects.toMatchObject({ code: 'EVENKEEL_FILE_CHANGED' })
  })
})
