import { describe, expect, it } from 'vitest'
import { createModel, type EpochRecord, linear, meanSquaredError, type StepRecord, sgd, softmaxCrossEntropy } from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, toyData, toyModel, toyTrainer } from '../helpers/models.js'

const strip = ({ seconds: _, samplesPerSecond: __, ...record }: EpochRecord) => record

describe.each(modelBackends)('fit on %s', (backend) => {
  it('is the same again with the same seed, and another with another', async () => {
    const train = async (seed: number) => {
      const net = toyModel(backend, { seed })
      const history = await toyTrainer(net).fit(toyData(), { epochs: 3, validation: 0.2 })
      return { epochs: history.epochs.map(strip), numbers: numbersOf(net) }
    }
    const first = await train(11)
    expect(await train(11)).toEqual(first)
    expect((await train(12)).numbers).not.toEqual(first.numbers)
  })

  it('is the same however many steps share a crossing, and however the rows are kept', async () => {
    const train = async (options: object, change: (x: Float32Array) => unknown = (x) => x) => {
      const net = toyModel(backend)
      const { x, y } = toyData(300)
      const history = await toyTrainer(net).fit({ x: change(x) as never, y }, { epochs: 4, batchSize: 10, ...options })
      return { epochs: history.epochs.map(strip), numbers: numbersOf(net) }
    }
    const expected = await train({})
    expect(await train({ everyStep: true })).toEqual(expected)
    const shared = (x: Float32Array) => {
      const copy = new Float32Array(new SharedArrayBuffer(x.byteLength))
      copy.set(x)
      return copy
    }
    expect(await train({}, shared)).toEqual(expected)
    expect(await train({}, (x) => Array.from({ length: 300 }, (_, i) => [...x.subarray(i * 4, i * 4 + 4)]))).toEqual(expected)
  })

  it('goes through every row once an epoch, in another order each time, as the steps one by one', async () => {
    const n = 50
    const x = Float32Array.from({ length: n }, (_, i) => i)
    const y = new Float32Array(n)
    const net = createModel(linear(1, { bias: false }), { input: [1], seed: 5, backend })
    net.parameters.weight!.data[0] = 1
    // Rate 0: the loss of a batch of one row is the row's number squared.
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0 }) })
    const orders: number[][] = [[], [], []]
    await trainer.fit(
      { x, y },
      { epochs: 2, batchSize: 1, onStep: ({ epoch, loss }) => void orders[epoch]!.push(Math.round(Math.sqrt(loss))) }
    )
    await trainer.fit({ x, y }, { batchSize: 1, onStep: ({ epoch, loss }) => void orders[epoch]!.push(Math.round(Math.sqrt(loss))) })
    const sorted = orders.map((order) => [...order].sort((a, b) => a - b))
    for (const order of sorted) expect(order).toEqual([...x])
    expect(orders[0]).not.toEqual(orders[1])
    expect(orders[1]).not.toEqual(orders[2])
    const plain: number[] = []
    await trainer.fit({ x, y }, { batchSize: 1, shuffle: false, onStep: ({ loss }) => void plain.push(Math.round(Math.sqrt(loss))) })
    expect(plain).toEqual([...x])
  })

  it('tells each step and each epoch, in order, and waits for what it tells', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const steps: StepRecord[] = []
    const epochs: EpochRecord[] = []
    let inside = 0
    const history = await trainer.fit(toyData(100), {
      epochs: 2,
      batchSize: 30,
      validation: toyData(40, 2),
      onStep: async (record) => {
        expect(inside++).toBe(0)
        await new Promise((resolve) => setTimeout(resolve, 1))
        inside--
        steps.push(record)
      },
      onEpoch: (record) => void epochs.push(record)
    })
    expect(steps.map(({ epoch, step, rows }) => [epoch, step, rows])).toEqual([
      [0, 0, 25],
      [0, 1, 25],
      [0, 2, 25],
      [0, 3, 25],
      [1, 4, 25],
      [1, 5, 25],
      [1, 6, 25],
      [1, 7, 25]
    ])
    expect(steps.every(({ learningRate }) => learningRate === 0.05)).toBe(true)
    expect(history).toEqual({ epochs, steps: 8, stopped: false })
    for (const [index, record] of epochs.entries()) {
      const losses = steps.filter(({ epoch }) => epoch === index).map(({ loss }) => loss)
      expect(record.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 4, 12)
      expect(record).toMatchObject({ epoch: index, steps: 4, validationLoss: expect.any(Number), validationAccuracy: expect.any(Number) })
      expect(record.samplesPerSecond * record.seconds).toBeCloseTo(100, 6)
    }
    expect(epochs[1]!.validationLoss).toBe((await net.evaluate(toyData(40, 2), { loss: softmaxCrossEntropy() })).loss)
  })

  it('cuts batches as lastBatch says', async () => {
    const sizes = async (lastBatch: 'balance' | 'keep' | 'drop') => {
      const rows: number[] = []
      await toyTrainer(toyModel(backend)).fit(toyData(22), { batchSize: 10, lastBatch, onStep: (record) => void rows.push(record.rows) })
      return rows
    }
    expect(await sizes('balance')).toEqual([8, 7, 7])
    expect(await sizes('keep')).toEqual([10, 10, 2])
    expect(await sizes('drop')).toEqual([10, 10])
  })

  it('ends after the step when it is stopped, and goes on later', async () => {
    const trainer = toyTrainer(toyModel(backend))
    const history = await trainer.fit(toyData(), {
      epochs: 100,
      everyStep: true,
      onStep: ({ step }) => {
        if (step === 9) trainer.stop()
      }
    })
    expect(history).toMatchObject({ steps: 10, stopped: true })
    expect(history.epochs.length).toBe(1)
    expect(trainer.steps).toBe(10)
    expect(trainer.epochs).toBe(2)
    const again = await trainer.fit(toyData())
    expect(again.epochs[0]).toMatchObject({ epoch: 2, steps: 7 })
    expect(again.stopped).toBe(false)
    expect(trainer.steps).toBe(17)
  })

  it('is stopped from outside while it runs', async () => {
    const trainer = toyTrainer(toyModel(backend))
    const running = trainer.fit(toyData(), { epochs: 1e6 })
    setTimeout(() => trainer.stop(), 50)
    const history = await running
    expect(history.stopped).toBe(true)
    expect(history.steps).toBe(trainer.steps)
    trainer.stop()
    expect((await trainer.fit(toyData())).stopped).toBe(false)
  })

  it('rejects with what a callback throws, after the step', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const failure = new Error('enough')
    const rejected = await rejection(
      trainer.fit(toyData(), {
        everyStep: true,
        onStep: ({ step }) => {
          if (step === 3) throw failure
        }
      })
    )
    expect(rejected).toBe(failure)
    expect(trainer.steps).toBe(4)
    expect(net.buffers['1.batches']!.data[0]).toBe(4)
    expect(await rejection(trainer.fit(toyData(), { onEpoch: async () => Promise.reject(failure) }))).toBe(failure)
    await trainer.step(toyData())
  })

  it.each(['before', 'in onStep', 'in onEpoch', 'while it runs', 'in the validation'])('is aborted %s', async (when) => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const controller = new AbortController()
    const reason = new Error(when)
    const abort = () => controller.abort(reason)
    if (when === 'before') abort()
    // As soon as a step is through, however long that takes here.
    const afterStep = () => void (trainer.steps > 0 ? abort() : setImmediate(afterStep))
    if (when === 'while it runs') afterStep()
    const metric = { name: 'own', start: () => ({ update: abort, result: () => 0 }) }
    const running = trainer.fit(toyData(), {
      epochs: 1e6,
      signal: controller.signal,
      validation: 0.3,
      ...(when === 'in onStep' ? { onStep: abort } : {}),
      ...(when === 'in onEpoch' ? { onEpoch: abort } : {}),
      ...(when === 'in the validation' ? { metrics: [metric] } : {})
    })
    expect(await rejection(running)).toBe(reason)
    // The state is that of the last completed step.
    expect(net.buffers['1.batches']!.data[0]).toBe(trainer.steps)
    if (when === 'before') expect(trainer.steps).toBe(0)
    else expect(trainer.steps).toBeGreaterThan(0)
    expect((await trainer.step(toyData())).step).toBe(trainer.steps - 1)
  })

  it('lets predictions, evaluations and saves in between its crossings', async () => {
    const net = toyModel(backend, { rate: 0 })
    const trainer = toyTrainer(net)
    const { x, y } = toyData()
    let done = false
    const running = trainer.fit({ x, y }, { epochs: 1e6 }).finally(() => (done = true))
    // Two rows that are equal must be predicted by the same numbers, whichever step they see.
    const twice = new Float32Array(2048 * 4)
    for (let row = 0; row < 2048; row++) twice.set(x.subarray(0, 4), row * 4)
    for (let i = 0; i < 10; i++) {
      const { data } = await net.predict(twice.subarray(0, 1024 * 4))
      for (let row = 1; row < 1024; row++) expect([...data.subarray(row * 3, row * 3 + 3)]).toEqual([...data.subarray(0, 3)])
      expect((await net.evaluate({ x, y })).accuracy).toBeGreaterThanOrEqual(0)
    }
    expect(done).toBe(false)
    trainer.stop()
    await running
  })
})

describe('fit refuses', () => {
  const cases: [string, object][] = [
    ['an unknown option', { epoch: 3 }],
    ["Keras's names", { validationSplit: 0.1 }],
    ['no epochs', { epochs: 0 }],
    ['half a row', { batchSize: 0.5 }],
    ['another last batch', { lastBatch: 'balanced' }],
    ['a fraction of 1', { validation: 1 }],
    ['a fraction without rows', { validation: 0.001 }],
    ['a callback that is none', { onStep: 3 }],
    ['a controller instead of its signal', { signal: new AbortController() }],
    ['a metric that was not called', { metrics: [() => 1] }],
    ['a validation set without y', { validation: { x: [[1, 2, 3, 4]] } }]
  ]
  it('what it cannot use', async () => {
    const messages: Record<string, string> = {}
    const trainer = toyTrainer(toyModel('portable'))
    for (const [name, options] of cases) messages[name] = (await rejection(trainer.fit(toyData(), options as never))).message
    expect(messages).toMatchInlineSnapshot(`
      {
        "Keras's names": "Trainer.fit: expected only the options epochs, batchSize, accumulate, shuffle, lastBatch, validation, metrics, signal, onEpoch, onStep, everyStep, callbacks, resume, got 'validationSplit'. Use validation: 0.1, the fraction that is held out",
        "a callback that is none": "Trainer.fit: expected onStep to be a function, got 3",
        "a controller instead of its signal": "Trainer.fit: expected signal to be an AbortSignal, got an AbortController. Give its signal: controller.signal",
        "a fraction of 1": "Trainer.fit: expected validation to be a finite number above 0 and below 1, got 1",
        "a fraction without rows": "Trainer.fit: expected at least one row on each side of validation 0.001, got 200 rows in all",
        "a metric that was not called": "Trainer.fit: expected metrics such as accuracy(), got a function. Call it: accuracy(), not accuracy",
        "a validation set without y": "Trainer.fit, validation: expected data as { x, y }, got an object",
        "an unknown option": "Trainer.fit: expected only the options epochs, batchSize, accumulate, shuffle, lastBatch, validation, metrics, signal, onEpoch, onStep, everyStep, callbacks, resume, got 'epoch'. Did you mean epochs?",
        "another last batch": "Trainer.fit: expected lastBatch to be 'balance' or 'keep' or 'drop', got 'balanced'. Did you mean 'balance'?",
        "half a row": "Trainer.fit: expected batchSize to be an integer at least 1, got 0.5",
        "no epochs": "Trainer.fit: expected epochs to be an integer at least 1, got 0",
      }
    `)
    expect(trainer.steps).toBe(0)
  })
})
