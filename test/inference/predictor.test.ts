import { describe, expect, it } from 'vitest'
import { createModel, linear, relu, sequential, sigmoid } from '../../lib/index.js'
import { unitRoundoff } from '../helpers/cases.js'
import { modelBackends, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'

function expectNear(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length)
  // Folding changes the order of a few products and sums of at most 16 terms each, in two layers.
  const largest = Math.max(...expected.map(Math.abs), 1)
  for (let i = 0; i < expected.length; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(200 * unitRoundoff * largest * 4)
}

describe.each(modelBackends)('a predictor on %s', (backend) => {
  const { x } = toyData(50, 9)

  it('predicts what the model predicts, within rounding', async () => {
    const net = toyModel(backend)
    await toyTrainer(net).fit(toyData(), { epochs: 2 })
    using predictor = net.predictor({ maxBatch: 16 })
    const expected = net.predictSync(x)
    const whole = await predictor.predict(x)
    expect(whole.shape).toEqual([50, 3])
    expectNear(whole.data, expected.data)
    expect(predictor.predictSync(x).data).toEqual(whole.data)
    expect((await predictor.predict(x, { batchSize: 3 })).data).toEqual(whole.data)
    expect((await predictor.predict([])).shape).toEqual([0, 3])
  })

  it('is a copy until it is refreshed', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const [early, lazy] = [net.predictor(), net.predictor()]
    const before = await early.predict(x)
    await trainer.fit(toyData())
    // Not asked before the training, and still of before it.
    expect((await lazy.predict(x)).data).toEqual(before.data)
    expect(early.predictSync(x).data).toEqual(before.data)
    await early.refresh()
    expectNear(early.predictSync(x).data, net.predictSync(x).data)
    expect(early.predictSync(x).data).not.toEqual(before.data)
    const sync = net.predictor()
    const expected = net.predictSync(x)
    trainer.stepSync(toyData())
    expectNear(sync.predictSync(x).data, expected.data)
  })

  it('is made, used and refreshed while a fit runs', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const running = trainer.fit(toyData(), { epochs: 1e6 })
    const predictor = net.predictor()
    const first = await predictor.predict(x)
    const seen = trainer.steps
    while (trainer.steps === seen) await new Promise((resolve) => setTimeout(resolve, 1))
    await predictor.refresh()
    const second = predictor.predictSync(x)
    expect(second.data).not.toEqual(first.data)
    trainer.stop()
    await running
  })

  it('streams the outputs in order, from sources of every kind', async () => {
    const net = toyModel(backend)
    using predictor = net.predictor({ maxBatch: 8 })
    const expected = predictor.predictSync(x).data
    const rows = Array.from({ length: 50 }, (_, i) => x.subarray(i * 4, i * 4 + 4))
    async function* slow() {
      for (const [index, row] of rows.entries()) {
        if (index % 9 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
        yield index % 2 ? [...row] : row
      }
    }
    for (const source of [rows, new Set(rows), slow()]) {
      const outputs: number[] = []
      for await (const { data, shape } of predictor.stream(source)) {
        expect(shape).toEqual([3])
        outputs.push(...data)
      }
      expect(outputs).toEqual([...expected])
    }
  })

  it('answers a source that waits for the answer, and lets it go', async () => {
    using predictor = toyModel(backend).predictor()
    let answered = 0
    let closed = false
    async function* conversation() {
      try {
        for (let asked = 0; ; asked++) {
          while (answered < asked) await new Promise((resolve) => setTimeout(resolve, 1))
          yield x.subarray(0, 4)
        }
      } finally {
        closed = true
      }
    }
    for await (const _ of predictor.stream(conversation())) if (++answered === 5) break
    // It hears of the end when it has answered; a test that waits for ever fails.
    while (!closed) await new Promise((resolve) => setTimeout(resolve, 1))
  })

  it('ends a stream at once by its signal, though the source is silent, and closes the source', async () => {
    using predictor = toyModel(backend).predictor()
    const controller = new AbortController()
    let closed = 0
    const silent = {
      [Symbol.asyncIterator]: () => ({
        sent: 0,
        next() {
          return this.sent++ < 2 ? Promise.resolve({ done: false, value: x.subarray(0, 4) }) : new Promise<never>(() => {})
        },
        async return() {
          closed++
          return { done: true as const, value: undefined }
        }
      })
    }
    let outputs = 0
    const reading = (async () => {
      for await (const _ of predictor.stream(silent, { signal: controller.signal }))
        if (++outputs === 2) setTimeout(() => controller.abort(new Error('enough')), 5)
    })()
    expect((await rejection(reading)).message).toBe('enough')
    expect([outputs, closed]).toEqual([2, 1])
    const late = predictor.stream(silent, { signal: controller.signal })
    expect((await rejection(late.next())).message).toBe('enough')
    expect(closed).toBe(1)
  })

  it('gives probabilities where they are asked for', async () => {
    const softmaxOf = (logits: Float32Array): number[] => {
      const exponentials = [...logits].map((value) => Math.exp(value - Math.max(...logits)))
      const sum = exponentials.reduce((total, value) => total + value, 0)
      return exponentials.map((value) => value / sum)
    }
    const net = toyModel(backend)
    await toyTrainer(net).fit(toyData(), { epochs: 2 })
    const logits = net.predictor({ output: 'logits' }).predictSync(x).data
    expect(net.predictor().predictSync(x).data).toEqual(logits)
    const { data, shape } = await net.predictor({ output: 'probabilities' }).predict(x)
    expect(shape).toEqual([50, 3])
    for (let row = 0; row < 50; row++) {
      const expected = softmaxOf(logits.subarray(row * 3, row * 3 + 3))
      // exp and a quotient, each within a few units of the last place of values up to 1.
      for (let i = 0; i < 3; i++) expect(Math.abs(data[row * 3 + i]! - expected[i]!)).toBeLessThan(16 * unitRoundoff)
    }
    const binary = createModel(sequential(linear(8), relu(), linear(1)), { input: [4], seed: 3, backend })
    const single = binary.predictor({ output: 'probabilities' }).predictSync(x).data
    const plain = binary.predictor().predictSync(x).data
    for (const [i, value] of plain.entries()) expect(Math.abs(single[i]! - 1 / (1 + Math.exp(-value)))).toBeLessThan(16 * unitRoundoff)
    // A network that ends in a sigmoid gives probabilities as it is.
    const ended = createModel(sequential(linear(3), sigmoid()), { input: [4], seed: 3, backend })
    expect(ended.predictor({ output: 'probabilities' }).predictSync(x).data).toEqual(ended.predictor().predictSync(x).data)
    expect(thrown(() => net.predictor({ output: 'probability' as never })).message).toBe(
      "Model.predictor: expected output to be 'logits' or 'probabilities', got 'probability'. Did you mean 'probabilities'?"
    )
  })

  it('refuses what it cannot use', async () => {
    const net = toyModel(backend)
    const predictor = net.predictor({ maxBatch: 8 })
    const first = async (rows: unknown) => {
      for await (const _ of predictor.stream(rows as never)) return
    }
    const messages = [
      thrown(() => net.predictor({ maxBatch: 0 })),
      thrown(() => net.predictor({ maxbatch: 4 } as never)),
      await rejection(predictor.predict(x, { batchSize: 9 })),
      await rejection(predictor.predict(new Float32Array(3))),
      await rejection(first(3)),
      await rejection(first([[1, 2, 3]])),
      await rejection(first([undefined]))
    ].map(({ message }) => message)
    expect(messages).toEqual([
      'Model.predictor: expected maxBatch to be an integer at least 1, got 0',
      "Model.predictor: expected only the options maxBatch, maxDelay, output, got 'maxbatch'. Did you mean maxBatch?",
      'Predictor.predict: expected batchSize to be an integer at least 1 and at most 8, got 9',
      'Predictor.predict: expected x to hold rows · 4 numbers (rows of shape [4]), got Float32Array(3)',
      'Predictor.stream: expected an iterable of rows or a dataset, got 3',
      'Predictor.stream: expected rows[0] to have 4 numbers or arrays, got 3',
      'Predictor.stream: expected rows[0] to be an array of 4, got undefined'
    ])
    const controller = new AbortController()
    controller.abort(new Error('no more'))
    expect((await rejection(predictor.predict(x, { signal: controller.signal }))).message).toBe('no more')
  })
})
