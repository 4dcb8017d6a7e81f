import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Backend, modelBackends, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'
import { watchedModel } from '../helpers/watched.js'

const { x } = toyData(64, 9)
const row = (index: number): Float32Array => x.subarray(index * 4, index * 4 + 4)
const all = Array.from({ length: 64 }, (_, index) => row(index))

/** A predictor, and the rows of each batch that it runs. */
function counted(backend: Backend, options: { maxBatch?: number; maxDelay?: number } = {}) {
  const batches: number[] = []
  const net = watchedModel(backend, { run: ({ inputs, symbols }) => void (inputs.length > 0 && batches.push(symbols[0]!)) })
  const predictor = net.predictor(options)
  // Takes its copy.
  predictor.predictSync(x)
  return { net, predictor, batches }
}

describe.each(modelBackends)('single rows on %s', (backend) => {
  it('have the same bits as one by one, in every form', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 24 })
    const expected = predictor.predictSync(x).data
    const forms = [
      (values: Float32Array) => values,
      (values: Float32Array) => [...values],
      (values: Float32Array) => [[...values]],
      (values: Float32Array) => [values],
      (values: Float32Array) => ({ data: values, shape: [1, 4] }),
      (values: Float32Array) => Float64Array.from(values)
    ]
    for (const form of forms) {
      const results = await Promise.all(all.map((values) => predictor.predict(form(values))))
      for (const [index, { data, shape }] of results.entries()) {
        expect(shape).toEqual([1, 3])
        expect(data).toEqual(expected.slice(index * 3, index * 3 + 3))
      }
    }
    expect((await predictor.predict(row(5), { batchSize: 4 })).data).toEqual(expected.slice(15, 18))
  })

  it('of bytes are scaled as all others', async () => {
    const { createModel, linear } = await import('../../lib/index.js')
    const net = createModel(linear(2), { input: { shape: [2, 2], scale: 1 / 255, shift: -0.5 }, seed: 1, backend })
    const predictor = net.predictor()
    const bytes = Uint8Array.of(0, 50, 100, 255, 3, 2, 1, 0)
    const expected = predictor.predictSync(bytes).data
    const rows = await Promise.all([
      predictor.predict(bytes.subarray(0, 4)),
      predictor.predict([
        [
          [3, 2],
          [1, 0]
        ]
      ])
    ])
    expect(rows.flatMap(({ data }) => [...data])).toEqual([...expected])
  })

  it('share a batch where they are asked in one turn of the event loop, and where a batch runs meanwhile', async () => {
    const { predictor, batches } = counted(backend)
    const client = async (values: Float32Array) => {
      for (let i = 0; i < 5; i++) await predictor.predict(values)
    }
    await Promise.all(all.map(client))
    expect(batches).toEqual([64, 64, 64, 64, 64])
    batches.length = 0
    const first = predictor.predict(row(0))
    await turn()
    await turn()
    // On its way by now; these come one after the other, in turns of their own.
    const others = []
    for (const values of all.slice(1)) others.push(predictor.predict(values))
    await Promise.all([first, ...others])
    expect(batches).toEqual([1, 63])
  })

  it('fill batches of maxBatch at most', async () => {
    const { predictor, batches } = counted(backend, { maxBatch: 24 })
    await Promise.all(all.map((values) => predictor.predict(values)))
    expect(batches).toEqual([24, 24, 16])
  })

  it('wait for others as long as maxDelay, and no longer than for a full batch', async () => {
    const { predictor, batches } = counted(backend, { maxBatch: 3, maxDelay: 60_000 })
    const calls = []
    for (let i = 0; i < 3; i++) {
      calls.push(predictor.predict(row(i)))
      for (let j = 0; j < 3; j++) await turn()
    }
    await Promise.all(calls)
    expect(batches).toEqual([3])
    const short = counted(backend, { maxDelay: 5 })
    await short.predictor.predict(row(0))
    expect(short.batches).toEqual([1])
  })

  it('that are bad are refused alone', async () => {
    const { predictor, batches } = counted(backend)
    const expected = predictor.predictSync(x).data
    const good = [predictor.predict(row(0)), predictor.predict(row(1))]
    const bad = [
      [1, 2, 3, '4'],
      [[1, 2, 3]],
      [null],
      { data: new Float32Array(4), shape: [1, 2, 2] },
      new BigInt64Array(4),
      Promise.resolve(row(0))
    ].map((values) => rejection(predictor.predict(values as never)))
    good.push(predictor.predict(row(2)))
    const messages = (await Promise.all(bad)).map(({ message }) => message)
    expect(messages).toEqual([
      "Predictor.predict: expected x[3] to be a number, got '4'",
      'Predictor.predict: expected x[0] to have 4 numbers or arrays, got 3',
      'Predictor.predict: expected x[0] to be an array of 4, got null',
      'Predictor.predict: expected x to have the shape [rows, 4], got [1, 2, 2]',
      'Predictor.predict: expected x to hold numbers, got BigInt64Array(4)',
      'Predictor.predict: expected x to be a tensor, a typed array or nested arrays, got a Promise. Await it first'
    ])
    expect((await Promise.all(good)).flatMap(({ data }) => [...data])).toEqual([...expected.subarray(0, 9)])
    expect(batches).toEqual([3])
    expect((await rejection(predictor.predict(row(0), { signal: 1 } as never))).message).toMatch(/expected signal to be an AbortSignal/)
  })

  it('are read when they are asked: what becomes of the array later does not matter', async () => {
    using predictor = toyModel(backend).predictor()
    const values = row(0).slice()
    const expected = predictor.predictSync(values).data
    const predicting = predictor.predict(values)
    values.fill(Number.NaN)
    expect((await predicting).data).toEqual(expected)
  })

  it('are aborted one by one, and at once', async () => {
    const { predictor, batches } = counted(backend, { maxDelay: 60_000, maxBatch: 3 })
    const expected = predictor.predictSync(x).data
    const controller = new AbortController()
    const kept = predictor.predict(row(0), { signal: new AbortController().signal })
    const aborted = rejection(predictor.predict(row(1), { signal: controller.signal }))
    controller.abort(new Error('enough'))
    // The batch is not full yet, and its time not over.
    expect((await aborted).message).toBe('enough')
    expect((await rejection(predictor.predict(row(1), { signal: controller.signal }))).message).toBe('enough')
    const last = predictor.predict(row(2))
    expect((await kept).data).toEqual(expected.slice(0, 3))
    expect((await last).data).toEqual(expected.slice(6, 9))
    expect(batches).toEqual([3])
  })

  it('that wait are refused where the predictor is disposed of, and dispose waits for them', async () => {
    const { predictor } = counted(backend, { maxDelay: 60_000 })
    const waiting = [rejection(predictor.predict(row(0))), rejection(predictor.predict(row(1)))]
    expect(thrown(() => predictor.predictSync(x)).code).toBe('EVENKEEL_BUSY')
    await predictor[Symbol.asyncDispose]()
    expect((await Promise.all(waiting)).map(({ code }) => code)).toEqual(['EVENKEEL_DISPOSED', 'EVENKEEL_DISPOSED'])
    expect((await rejection(predictor.predict(row(0)))).code).toBe('EVENKEEL_DISPOSED')
  })

  it('see the parameters from before a refresh that is asked for after them', async () => {
    const net = toyModel(backend)
    const predictor = net.predictor()
    const before = predictor.predictSync(x).data
    await toyTrainer(net).fit(toyData())
    const asked = predictor.predict(row(0))
    const whole = predictor.predict(x)
    const refreshing = predictor.refresh()
    const later = predictor.predict(row(0))
    expect((await asked).data).toEqual(before.slice(0, 3))
    expect((await whole).data).toEqual(before)
    await Promise.all([refreshing, later])
    const after = predictor.predictSync(x).data
    expect(after).not.toEqual(before)
    expect((await later).data).toEqual(after.slice(0, 3))
  })

  it('of a batch that fails all hear of it, and the next are predicted', async () => {
    let failing = false
    const net = watchedModel(backend, {
      run: ({ inputs }) => {
        if (failing && inputs.length > 0) throw new Error('the backend is gone')
      }
    })
    const predictor = net.predictor()
    const expected = predictor.predictSync(x).data
    failing = true
    const failed = [rejection(predictor.predict(row(0))), rejection(predictor.predict(row(1)))]
    expect((await Promise.all(failed)).map(({ message }) => message)).toEqual(['the backend is gone', 'the backend is gone'])
    failing = false
    expect((await predictor.predict(row(0))).data).toEqual(expected.slice(0, 3))
    expect(predictor.predictSync(x).data).toEqual(expected)
  })

  it('give each caller its own, whoever asks when', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 5 })
    const expected = predictor.predictSync(x).data
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ index: fc.nat(63), turns: fc.nat(3), bad: fc.boolean() }), { maxLength: 40 }),
        async (calls) => {
          await Promise.all(
            calls.map(async ({ index, turns, bad }) => {
              for (let i = 0; i < turns; i++) await turn()
              if (bad) return void (await rejection(predictor.predict([1, 2, 3, 'x'] as never)))
              const { data } = await predictor.predict(row(index))
              expect(data).toEqual(expected.slice(index * 3, index * 3 + 3))
            })
          )
        }
      ),
      { numRuns: 30 }
    )
  })
})
