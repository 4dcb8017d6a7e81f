import { describe, expect, it } from 'vitest'
import {
  type Batch,
  batchNorm,
  binaryCrossEntropy,
  createModel,
  type Dataset,
  datasetFrom,
  linear,
  meanSquaredError,
  type RowSample,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy
} from '../../lib/index.js'
import { modelBackends } from '../helpers/models.js'

const rows: RowSample[] = Array.from({ length: 203 }, (_, row) => ({ x: [Math.sin(row), Math.cos(row * 1.7), row / 203], y: row % 3 }))
const x = rows.map((row) => row.x as number[])
const y = rows.map((row) => row.y as number)
const inMemory = { x, y }

describe.each(modelBackends)('fit over a dataset, %s', (backend) => {
  const model = (normalized = false) =>
    createModel(sequential(linear(8), ...(normalized ? [batchNorm()] : []), relu(), linear(3)), { input: [3], seed: 5, backend })
  const trainerOf = (net: ReturnType<typeof model>) => net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
  const weights = (net: ReturnType<typeof model>) => Object.values(net.parameters).map(({ data }) => Array.from(data))

  it('gives the bits of a fit over the same rows in memory', async () => {
    const [one, two, three] = [model(), model(), model()]
    const options = { epochs: 2, batchSize: 20, shuffle: false, lastBatch: 'keep' } as const
    const expected = await trainerOf(one).fit(inMemory, options)
    const history = await trainerOf(two).fit(
      datasetFrom(() => rows),
      options
    )
    await trainerOf(three).fit(async function* () {
      yield* rows
    }, options)
    expect(weights(two)).toEqual(weights(one))
    expect(weights(three)).toEqual(weights(one))
    expect(history.steps).toBe(22)
    expect(history.epochs.map(({ loss }) => loss)).toEqual(expected.epochs.map(({ loss }) => loss))
    expect(
      await two.evaluate(
        datasetFrom(() => rows),
        { loss: softmaxCrossEntropy(), batchSize: 17 }
      )
    ).toEqual(await one.evaluate(inMemory, { loss: softmaxCrossEntropy(), batchSize: 17 }))
  })

  it('takes batches of a dataset of the caller’s own, and asks for them with seed, epoch and signal', async () => {
    const asked: unknown[] = []
    const own: Dataset = {
      length: 203,
      *batches(request) {
        asked.push(request)
        for (let row = 0; row < 203; row += 50) yield { x: x.slice(row, row + 50), y: Int32Array.from(y.slice(row, row + 50)) }
      }
    }
    const net = model()
    const sizes: number[] = []
    await trainerOf(net).fit(own, { epochs: 2, batchSize: 30, onStep: ({ rows: count }) => void sizes.push(count) })
    expect(asked).toEqual([0, 1].map((epoch) => ({ batchSize: 30, seed: 5, epoch, start: 0 })))
    expect(sizes).toEqual([25, 25, 25, 25, 25, 25, 25, 25, 3, 25, 25, 25, 25, 25, 25, 25, 25, 3])
  })

  it('spreads the last rows, so that batch normalization never sees a tiny batch', async () => {
    for (const [count, batchSize] of [
      [203, 50],
      [101, 100],
      [2049, 64],
      [65, 32]
    ] as const) {
      const net = model(true)
      const sizes: number[] = []
      const many = datasetFrom(() => Array.from({ length: count }, (_, row) => rows[row % 203]!))
      await trainerOf(net).fit(many, { batchSize, onStep: ({ rows: size }) => void sizes.push(size) })
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count)
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(batchSize / 2)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(batchSize)
    }
  })

  it('trains on what came before an error, and closes the source', async () => {
    let closed = false
    const net = model()
    const trainer = trainerOf(net)
    const failing = trainer.fit(
      function* () {
        try {
          yield* rows.slice(0, 47)
          throw new Error('the disk is gone')
        } finally {
          closed = true
        }
      },
      { batchSize: 10 }
    )
    await expect(failing).rejects.toMatchObject({ code: 'EVENKEEL_DATA', row: 47, message: expect.stringContaining('the disk is gone') })
    expect(trainer.steps).toBe(4)
    expect(closed).toBe(true)
    const other = trainerOf(model())
    const two = other.fit(
      datasetFrom(function* () {
        yield* rows.slice(0, 47)
        throw new Error('the disk is gone')
      }),
      { batchSize: 10 }
    )
    await expect(two).rejects.toMatchObject({ row: 47 })
    expect(other.steps).toBe(4)
  })

  it('tells the row where a dataset of one’s own fails, or where its batches do not fit, and closes it', async () => {
    const own = (third: () => Batch) => {
      const seen = { closed: 0 }
      const data: Dataset = {
        *batches() {
          try {
            for (const row of [0, 9]) yield { x: x.slice(row, row + 9), y: y.slice(row, row + 9) }
            yield third()
          } finally {
            seen.closed++
            // What it throws while it is let go is nobody's.
            // biome-ignore lint/correctness/noUnsafeFinally: for that
            throw new Error('closing failed')
          }
        }
      }
      return { seen, data }
    }
    const cause = new Error('the disk is gone')
    const cases: [() => Batch, object][] = [
      [
        () => ({ x: [[1, 2]], y: [0] }),
        { code: 'EVENKEEL_SHAPE', message: expect.stringContaining('(in the batch whose first row is 18)') }
      ],
      [
        () => ({ x: [[1, 2, 3]], y: [0], sampleWeight: [-1] }),
        { code: 'EVENKEEL_RANGE', message: expect.stringContaining('sampleWeight[18] = -1') }
      ],
      [() => ({ x: [[1, 2, 3]], y: [9] }), { code: 'EVENKEEL_LABEL', message: expect.stringContaining('y[18] = 9') }],
      [() => ({ x: [[1, Number.NaN, 3]], y: [0] }), { code: 'EVENKEEL_NON_FINITE', message: expect.stringContaining('row 18') }]
    ]
    for (const [third, expected] of cases) {
      const { seen, data } = own(third)
      const net = model()
      const trainer = trainerOf(net)
      await expect(trainer.fit(data, { batchSize: 9 })).rejects.toMatchObject(expected)
      expect([trainer.steps, seen.closed]).toEqual([2, 1])
      // An evaluation takes NaN.
      if (!('code' in expected) || expected.code !== 'EVENKEEL_NON_FINITE') {
        await expect(net.evaluate(data, { loss: softmaxCrossEntropy() })).rejects.toMatchObject(expected)
        expect(seen.closed).toBe(2)
      }
      // Nothing is left on its way.
      expect(net.predictSync(x).shape).toEqual([203, 3])
    }
    const failing: Dataset = {
      *batches() {
        for (const row of [0, 9]) yield { x: x.slice(row, row + 9), y: y.slice(row, row + 9) }
        throw cause
      }
    }
    const trainer = trainerOf(model())
    await expect(trainer.fit(failing, { batchSize: 9 })).rejects.toMatchObject({ name: 'DataError', row: 18, cause })
    expect(trainer.steps).toBe(2)
    await expect(model().evaluate(failing)).rejects.toMatchObject({ name: 'DataError', row: 18, cause })
  })

  it('ends on stop and abort while the source is silent, and closes it', async () => {
    for (const way of ['stop', 'abort'] as const) {
      let asked: () => void
      const waiting = new Promise<void>((resolve) => {
        asked = resolve
      })
      let returned = 0
      const silent: Dataset = {
        batches: () => {
          let given = 0
          return {
            [Symbol.asyncIterator]: () => ({
              next: (): Promise<IteratorResult<Batch>> => {
                if (given++ < 2) return Promise.resolve({ done: false, value: { x: x.slice(0, 9), y: y.slice(0, 9) } })
                asked()
                return new Promise(() => {})
              },
              return: () => {
                returned++
                return Promise.resolve({ done: true as const, value: undefined })
              }
            })
          }
        }
      }
      const trainer = trainerOf(model())
      const controller = new AbortController()
      const fit = trainer.fit(silent, { batchSize: 9, signal: controller.signal })
      await waiting
      if (way === 'stop') {
        trainer.stop()
        expect(await fit).toMatchObject({ epochs: [], stopped: true })
      } else {
        controller.abort(new Error('enough'))
        await expect(fit).rejects.toThrow('enough')
      }
      expect(returned).toBe(1)
      expect(trainer.steps).toBeLessThanOrEqual(2)
    }
  })

  it('validates on a dataset, on a part of one, and on rows in memory', async () => {
    const data = datasetFrom(() => rows)
    for (const validation of [data, inMemory, 0.2, () => rows]) {
      const { epochs } = await trainerOf(model()).fit(data, { batchSize: 20, validation })
      expect(epochs[0]!.validationLoss).toBeGreaterThan(0)
      expect(epochs[0]!.validationAccuracy).toBeGreaterThanOrEqual(0)
    }
    const { training, validation } = data.split({ validation: 0.2, seed: 5 })
    const [one, two] = [trainerOf(model()), trainerOf(model())]
    const [a] = (await one.fit(data, { batchSize: 20, validation: 0.2 })).epochs
    const [b] = (await two.fit(training, { batchSize: 20, validation })).epochs
    expect([a!.loss, a!.validationLoss]).toEqual([b!.loss, b!.validationLoss])
  })

  it('takes values as targets, and sample weights', async () => {
    const net = createModel(linear(1), { input: [3], seed: 1, backend })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
    const { epochs } = await trainer.fit(() => rows.map(({ x: given }, row) => ({ x: given, y: row / 100 })), { batchSize: 29 })
    expect(epochs[0]!.loss).toBeGreaterThan(0)
  })

  it('tells the row of a NaN and of a label that is none', async () => {
    const bad = (row: number, change: Partial<RowSample>) =>
      datasetFrom(() => rows.map((given, index) => (index === row ? { ...given, ...change } : given)))
    await expect(trainerOf(model()).fit(bad(133, { x: [1, Number.NaN, 1] }), { batchSize: 20 })).rejects.toThrow(/row 133/)
    for (const row of [3, 133])
      for (const data of [bad(row, { y: 7 }), bad(row, { y: 7 }).shuffle(50)]) {
        const wrong = { code: 'EVENKEEL_LABEL', message: expect.stringContaining(`y[${row}] = 7`) }
        await expect(trainerOf(model()).fit(data, { batchSize: 20 })).rejects.toMatchObject(wrong)
        await expect(model().evaluate(data)).rejects.toMatchObject(wrong)
      }
    // Checked where they are used: the value is that of the row that is named.
    const fractions = createModel(linear(1), { input: [3], seed: 1, backend })
    const half = datasetFrom(() => rows.map(({ x: given }, row) => ({ x: given, y: [row === 133 ? 1.5 : 0.5] })))
    const trainer = fractions.trainer({ loss: binaryCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
    const outside = { code: 'EVENKEEL_RANGE', message: expect.stringContaining('1.5 in row 133') }
    for (const data of [half, half.shuffle(50)]) {
      await expect(trainer.fit(data, { batchSize: 20 })).rejects.toMatchObject(outside)
      await expect(fractions.evaluate(data, { loss: binaryCrossEntropy() })).rejects.toMatchObject(outside)
    }
  })

  it.each([
    ['data without y', { x: [[1, 2, 3]] }, 'expected data as { x, y }'],
    ['an empty array', [], 'expected data that can be read anew for each epoch, got []'],
    ['no rows', () => [], 'expected at least one row, got none'],
    ['an iterator', rows.values(), 'expected data that can be read anew for each epoch, got an'],
    ['batches that are none', { batches: () => 5 }, 'expected an iterable of batches, got 5'],
    ['batches without y', { batches: () => [{ x: [[1, 2, 3]] }] }, 'expected batches { x, y } of the dataset, got an object'],
    ['rows that are too short', () => [{ x: [1, 2], y: 0 }], 'Trainer.fit']
  ])('refuses %s', async (_what, data, message) => {
    await expect(trainerOf(model()).fit(data as never)).rejects.toThrow(message as string)
  })
})
