import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createModel, type Dataset, datasetFrom, embedding, flatten, linear, readCsv, relu, sequential } from '../../lib/index.js'
import { type Backend, modelBackends, rejection } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-stream-dataset-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** More than the blocks of a stream hold, in many slices of the file. */
const rows = 30_000
const random = testRandom(31)
const x = random.array(rows * 3).map((value) => Math.fround(Number(value.toFixed(4))) || 0)
const file = path.join(folder, 'rows.csv')
writeFileSync(
  file,
  `id,a,b,c\n${Array.from({ length: rows }, (_, row) => `r${row},${Array.from(x.subarray(row * 3, row * 3 + 3), (value) => value.toFixed(4)).join(',')}\n`).join('')}`
)

const model = (backend: Backend) => createModel(sequential(linear(5), relu(), linear(2)), { input: [3], seed: 3, backend })
const columns = ['a', 'b', 'c']

describe.each(modelBackends)('a stream of a dataset on %s', (backend) => {
  it('gives the outputs of a file in order, with the columns that are kept and without x', async () => {
    using predictor = model(backend).predictor({ maxBatch: 64 })
    const expected = await predictor.predict(x)
    const table = await readCsv(file, { x: columns, keep: ['id'] })
    const outputs: number[] = []
    const ids: unknown[] = []
    for await (const piece of predictor.stream(table)) {
      expect(Object.keys(piece).sort()).toEqual(['columns', 'firstRow', 'output'])
      expect(piece.firstRow).toBe(ids.length)
      expect(piece.output.shape).toEqual([piece.columns!.id!.length, 2])
      outputs.push(...piece.output.data)
      ids.push(...Array.from(piece.columns!.id!))
    }
    expect(Float32Array.from(outputs)).toEqual(expected.data)
    expect(ids).toEqual(Array.from({ length: rows }, (_, row) => `r${row}`))
    // The same bits as of batches, which are the reader's own to keep.
    const kept = []
    for await (const batch of predictor.stream(table.batches({ batchSize: 100 }))) kept.push(batch)
    expect(Float32Array.from(kept.flatMap(({ x: given }) => [...(given as { data: Float32Array }).data]))).toEqual(x)
    expect(Float32Array.from(kept.flatMap(({ output }) => [...output.data]))).toEqual(expected.data)
  })

  it('takes datasets whose rows were changed on their way, and those of one’s own', async () => {
    using predictor = model(backend).predictor({ maxBatch: 64 })
    const expected = await predictor.predict(x.map((value) => value * 2))
    const read = async (dataset: Dataset) => {
      const outputs: number[] = []
      for await (const { output } of predictor.stream(dataset)) outputs.push(...output.data)
      return Float32Array.from(outputs)
    }
    const table = await readCsv(file, { x: columns })
    expect(await read(table.map((row) => ({ x: (row.x as Float32Array).map((value) => value * 2) })))).toEqual(expected.data)
    expect(
      await read(
        datasetFrom(function* () {
          for (let row = 0; row < rows; row++) yield { x: x.subarray(row * 3, row * 3 + 3).map((value) => value * 2) }
        })
      )
    ).toEqual(expected.data)
    const asked: unknown[] = []
    const own: Dataset = {
      *batches(request) {
        asked.push(request)
        for (let row = 0; row < rows; row += 1000) yield { x: x.slice(row * 3, (row + 1000) * 3).map((value) => value * 2) }
      }
    }
    expect(await read(own)).toEqual(expected.data)
    expect(asked).toEqual([{ batchSize: 64 }])
  })

  it('gives the outputs of all rows before one that cannot be used, and lets go of its source', async () => {
    using predictor = model(backend).predictor({ maxBatch: 64 })
    const broken = path.join(folder, `broken-${backend}.csv`)
    writeFileSync(broken, `a,b,c\n${'1,2,3\n'.repeat(20_000)}1,nonsense,3\n${'1,2,3\n'.repeat(100)}`)
    let taken = 0
    const failed = rejection(
      (async () => {
        for await (const { output } of predictor.stream(await readCsv(broken))) taken += output.shape[0]!
      })()
    )
    expect((await failed).message).toContain("'nonsense' in row 20000")
    expect(taken).toBe(20_000)
    let closed = false
    const endless: Dataset = {
      *batches() {
        try {
          for (;;) yield { x: x.subarray(0, 300) }
        } finally {
          closed = true
        }
      }
    }
    for await (const _ of predictor.stream(endless)) break
    const empty = predictor.stream({ batches: () => undefined as never })
    expect((await rejection(empty.next())).message).toBe('Dataset.batches: expected an iterable of batches, got undefined')
    expect(closed).toBe(true)
    // Nothing is left on its way.
    expect(predictor.predictSync(x.subarray(0, 3)).shape).toEqual([1, 2])
  })

  it('lets others have their turn while it runs, and keeps its order', async () => {
    using predictor = model(backend).predictor({ maxBatch: 64 })
    const expected = await predictor.predict(x)
    const outputs: number[] = []
    const between: Promise<unknown>[] = []
    for await (const { output } of predictor.stream(await readCsv(file, { x: columns }))) {
      outputs.push(...output.data)
      if (between.length < 40) between.push(predictor.predict(x.subarray(0, 600)))
    }
    expect(Float32Array.from(outputs)).toEqual(expected.data)
    for (const prediction of await Promise.all(between))
      expect((prediction as { data: Float32Array }).data).toEqual(expected.data.subarray(0, 400))
  })

  it('fails with the first row that no step can take, though later ones are on their way', async () => {
    const lookup = createModel(sequential(embedding(5, 2), flatten(), linear(1)), {
      input: { shape: [3], dtype: 'int32' },
      seed: 3,
      backend
    })
    using predictor = lookup.predictor({ maxBatch: 8 })
    for (const bad of [3, 700, 1500]) {
      const numbers = Int32Array.from({ length: 3000 * 3 }, (_, i) => i % 5)
      numbers[bad * 3 + 1] = 5
      numbers[2900 * 3] = 6
      const own: Dataset = {
        *batches() {
          for (let row = 0; row < 3000; row += 50) yield { x: numbers.subarray(row * 3, (row + 50) * 3) }
        }
      }
      let taken = 0
      const failed = rejection(
        (async () => {
          for await (const { output } of predictor.stream(own)) taken += output.shape[0]!
        })()
      )
      const { message } = await failed
      expect(message).toContain('= 5')
      expect(message).toContain(String(bad))
      expect(taken).toBeLessThanOrEqual(bad)
      expect(predictor.predictSync(Int32Array.of(0, 1, 2)).shape).toEqual([1, 1])
    }
  })
})
