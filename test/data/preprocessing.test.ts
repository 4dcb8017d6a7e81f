import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createModel,
  linear,
  loadModel,
  type PreprocessingOptions,
  type ReadCsvOptions,
  readCsv,
  readParquet,
  sequential,
  sgd,
  softmaxCrossEntropy,
  type TableDataset
} from '../../lib/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-preprocessing-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function csv(text: string, options: ReadCsvOptions): Promise<TableDataset> {
  const file = path.join(folder, `${files++}.csv`)
  await writeFile(file, text)
  return await readCsv(file, options)
}

async function rowsOf(data: TableDataset, batchSize = 4): Promise<{ x: number[][]; y: number[] }> {
  const x: number[][] = []
  const y: number[] = []
  for await (const batch of data.batches({ batchSize })) {
    const { data: values, shape } = batch.x as { data: Float32Array; shape: [number, number] }
    for (let row = 0; row < shape[0]; row++) x.push([...values.subarray(row * shape[1], (row + 1) * shape[1])])
    if (batch.y) y.push(...(batch.y as number[]))
  }
  return { x, y }
}

/** Mean and deviation in two passes of exact sums: the values are small multiples of 1/8. */
function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

const cities = ['Oslo', 'Bergen', 'Ålesund']
const table = Array.from({ length: 20_000 }, (_, row) => ({
  age: ((row * 7919) % 801) / 8,
  city: cities[(row * 31) % 3]!,
  rooms: 1 + (row % 4),
  kind: row % 5 < 2 ? 'flat' : 'house'
}))
const text = (rows: readonly Record<string, unknown>[]) =>
  `age,city,rooms,kind\n${rows.map(({ age, city, rooms, kind }) => [age, city, rooms, kind].join(',')).join('\n')}\n`
const options = { x: ['age', 'city', 'rooms'], y: 'kind' }

describe('fitPreprocessing', () => {
  it('standardizes, makes one-hot and index columns and class numbers, as float64 has it', async () => {
    const data = await csv(text(table), options)
    const preprocessing = await data.fitPreprocessing({ categorical: { rooms: 'index' } })
    const { mean, deviation } = moments(table.map(({ age }) => age))
    const found = preprocessing.toJSON().features[0] as { mean: number; deviation: number }
    // Sums of 20000 values in float64: 20000 · 2⁻⁵³, doubled for the square.
    expect(Math.abs(found.mean / mean - 1)).toBeLessThan(4.5e-12)
    expect(Math.abs(found.deviation / deviation - 1)).toBeLessThan(4.5e-12)
    expect(preprocessing.width).toBe(5)
    expect(preprocessing.features).toEqual(['age', 'city=Bergen', 'city=Oslo', 'city=Ålesund', 'rooms'])
    expect(preprocessing.classes).toEqual(['flat', 'house'])
    const { x, y } = await rowsOf(data.preprocess(preprocessing), 999)
    const order = ['Bergen', 'Oslo', 'Ålesund']
    expect(x).toEqual(
      table.map(({ age, city, rooms }) => [
        Math.fround((age - found.mean) / found.deviation),
        ...order.map((name) => (name === city ? 1 : 0)),
        rooms - 1
      ])
    )
    expect(y).toEqual(table.map(({ kind }) => (kind === 'flat' ? 0 : 1)))
  })

  it('learns from the training part only', async () => {
    const { training, validation } = (await csv(text(table), { ...options, x: ['age', 'rooms'] })).split({ validation: 0.3, seed: 4 })
    const plain = await training.fitPreprocessing({ standardize: false })
    const { x } = await rowsOf(training.preprocess(plain), 1000)
    const fitted = await training.fitPreprocessing()
    const [age] = fitted.toJSON().features as unknown as readonly [{ mean: number; deviation: number }]
    const expected = moments(x.map(([value]) => value!))
    expect(age.mean).toBeCloseTo(expected.mean, 9)
    expect(age.deviation).toBeCloseTo(expected.deviation, 9)
    expect(x.length).toBeLessThan(20_000)
    expect(x.length + (await rowsOf(validation.preprocess(plain), 1000)).x.length).toBe(20_000)
  })

  it('keeps figures where the mean is far from zero, and takes a column of one value', async () => {
    const values = Array.from({ length: 9000 }, (_, row) => 1e9 + (row % 3))
    const data = await csv(`a,b\n${values.map((value) => `${value},7`).join('\n')}`, { x: ['a', 'b'] })
    const [a, b] = (await data.fitPreprocessing()).toJSON().features as unknown as readonly [
      { mean: number; deviation: number },
      { deviation: number }
    ]
    expect(a.mean).toBe(1e9 + 1)
    expect(a.deviation).toBeCloseTo(Math.sqrt(2 / 3), 9)
    expect(b.deviation).toBe(1)
  })

  const holes = 'age,city,kind\n1,Oslo,a\n,Oslo,b\n3,,a\n5,Bergen,b\nNA,Bergen,\n'
  const small = (extra: PreprocessingOptions) => ({ categorical: { city: 'index' }, standardize: false, ...extra }) as const

  it('puts the training mean in the place of missing cells, or leaves rows out', async () => {
    const data = await csv(holes, { x: ['age', 'city'] })
    const mean = await data.fitPreprocessing(small({ missing: 'mean', unknown: 'ignore' }))
    expect((await rowsOf(data.preprocess(mean))).x).toEqual([
      [1, 2],
      [3, 2],
      [3, 0],
      [5, 1],
      [3, 1]
    ])
    const skip = await data.fitPreprocessing(small({ missing: 'skip' }))
    const { x } = await rowsOf(data.preprocess(skip))
    expect(x).toEqual([
      [1, 1],
      [5, 0]
    ])
    expect((skip.toJSON().features[0] as { mean: number }).mean).toBe(3)
    await expect(data.fitPreprocessing(small({}))).rejects.toMatchObject({ name: 'DataError', row: 1, column: 'age' })
    const labelled = await csv(holes, { x: ['age'], y: 'kind' })
    const classes = await labelled.fitPreprocessing({ missing: 'skip', standardize: false })
    expect(await rowsOf(labelled.preprocess(classes))).toEqual({ x: [[1], [3], [5]], y: [0, 0, 1] })
    expect(classes.classes).toEqual(['a', 'b'])
  })

  it('has a policy for categories that the training rows do not have', async () => {
    const data = await csv('city\nOslo\nBergen\n', { x: ['city'] })
    const other = await csv('city\nBergen\nParis\n', { x: ['city'] })
    const strict = await data.fitPreprocessing()
    await expect(rowsOf(other.preprocess(strict))).rejects.toThrow(
      "expected a category of the training rows in column 'city', got 'Paris' in row 1"
    )
    const open = await data.fitPreprocessing({ unknown: 'ignore' })
    expect((await rowsOf(other.preprocess(open))).x).toEqual([
      [1, 0],
      [0, 0]
    ])
    await expect(data.fitPreprocessing({ maxCategories: 1 })).rejects.toThrow(
      "expected at most maxCategories = 1 different values in column 'city', got more in row 1"
    )
  })

  it('takes the same columns from CSV, Parquet and objects', async () => {
    const head = table.slice(0, 50)
    const data = await csv(text(head), options)
    const preprocessing = await data.fitPreprocessing({ categorical: { rooms: 'oneHot' } })
    const file = path.join(folder, 'same.parquet')
    const columns = (['age', 'city', 'rooms', 'kind'] as const).map((name) => ({ name, data: head.map((row) => row[name]) }))
    await writeFile(file, new Uint8Array(parquetWriteBuffer({ columnData: columns })))
    const expected = await rowsOf(data.preprocess(preprocessing), 50)
    expect(await rowsOf((await readParquet(file, options)).preprocess(preprocessing), 7)).toEqual(expected)
    const { data: values, shape } = preprocessing.transform(head)
    expect(shape).toEqual([50, 8])
    expect(Array.from(values)).toEqual(expected.x.flat())
    expect(() => preprocessing.transform([{ age: 3, city: 'Oslo' }])).toThrow(
      "Preprocessing.transform: expected a value in column 'rooms', got none in row 0"
    )
    expect(() => preprocessing.transform([{ ...head[0], age: 'old' }])).toThrow("expected numbers in column 'age', got 'old' in row 0")
  })

  it.each([
    [{ standardise: true } as never, /got 'standardise'. Did you mean standardize\?/],
    [{ categorical: { town: 'oneHot' } }, /expected a column 'town' in x/],
    [{ categorical: { city: 'hot' } } as never, /expected categorical.city to be 'oneHot' or 'index', got 'hot'/],
    [{ standardize: ['city'] }, /expected a column of numbers 'city' in x/],
    [{ missing: 'median' } as never, /expected missing to be 'error' or 'skip' or 'mean'/]
  ])('refuses %j', async (given, message) => {
    await expect((await csv(text(table.slice(0, 3)), options)).fitPreprocessing(given as PreprocessingOptions)).rejects.toThrow(message)
  })
})

describe('a model with preprocessing', () => {
  it('keeps it in its file, so that serving applies the same', async () => {
    const data = await csv(text(table.slice(0, 300)), options)
    const preprocessing = await data.fitPreprocessing()
    const net = createModel(sequential(linear(2)), { input: [preprocessing.width], seed: 1, preprocessing })
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
    await trainer.fit(data.preprocess(preprocessing), { epochs: 2, validation: data.preprocess(preprocessing) })
    const file = path.join(folder, 'model.safetensors')
    await net.save(file)
    const again = await loadModel(file)
    expect(again.preprocessing!.toJSON()).toEqual(preprocessing.toJSON())
    const row = [{ age: 31, city: 'Oslo', rooms: 2 }]
    expect(again.predictSync(again.preprocessing!.transform(row))).toEqual(net.predictSync(preprocessing.transform(row)))
    expect(createModel(linear(2), { input: [1] }).preprocessing).toBeUndefined()
  })

  it('refuses one that does not fit', async () => {
    const preprocessing = await (await csv('a\n1\n2\n', { x: ['a'] })).fitPreprocessing()
    expect(() => createModel(linear(2), { input: [3], preprocessing })).toThrow(
      'createModel: expected input to be [1] as the preprocessing gives'
    )
    expect(() => createModel(linear(2), { input: [3], preprocessing: {} as never })).toThrow(
      'expected preprocessing to be what fitPreprocessing gave'
    )
  })
})
