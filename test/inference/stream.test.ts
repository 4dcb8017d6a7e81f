import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createModel,
  DataError,
  defineLayer,
  linear,
  type RowIterable,
  type StreamOptions,
  sequential,
  type Tensor
} from '../../lib/index.js'
import { oneHot } from '../../lib/ops/index.js'
import { type Backend, modelBackends, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'
import { watchedModel } from '../helpers/watched.js'

const { x } = toyData(50, 9)
const row = (index: number): Float32Array => x.subarray(index * 4, index * 4 + 4)
const rows = Array.from({ length: 50 }, (_, index) => row(index))

async function collect(outputs: AsyncIterable<Tensor>): Promise<Tensor[]> {
  const all = []
  for await (const output of outputs) all.push(output)
  return all
}

const numbers = (outputs: readonly Tensor[]): number[] => outputs.flatMap(({ data }) => [...data])

/** A source that tells how far it was read and whether it was let go. */
function watchedSource<T>(items: Iterable<T>, before?: (index: number) => Promise<unknown> | undefined) {
  const seen = { read: 0, closed: 0 }
  const iterator = items[Symbol.iterator]()
  const source: AsyncIterable<T> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        await before?.(seen.read)
        seen.read++
        return iterator.next()
      },
      async return() {
        seen.closed++
        return { done: true as const, value: undefined }
      }
    })
  }
  return { source, seen }
}

/** A predictor, and the rows of each batch that it runs. */
function counted(backend: Backend, run?: () => Promise<void> | undefined) {
  const batches: number[] = []
  const net = watchedModel(backend, {
    run: async ({ inputs, symbols }) => {
      if (inputs.length === 0) return
      batches.push(...symbols)
      await run?.()
    }
  })
  return { predictor: net.predictor({ maxBatch: 8 }), batches }
}

describe.each(modelBackends)('a stream on %s', (backend) => {
  it('gives an output a row or a batch, whatever the shape of things', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 8 })
    const expected = [...predictor.predictSync(x).data]
    const single: unknown[][] = [rows, rows.map((values) => [...values]), rows.map((data) => ({ data, shape: [4] }))]
    for (const items of single) {
      const outputs = await collect(predictor.stream(items as RowIterable))
      expect(outputs.map(({ shape }) => shape)).toEqual(rows.map(() => [3]))
      expect(numbers(outputs)).toEqual(expected)
    }
    // 50 = 0 + 1 + 19 + 3 + 0 + 27
    const cuts = [0, 0, 1, 20, 23, 23, 50]
    const parts = cuts.slice(1).map((end, index) => [cuts[index]!, end] as const)
    const batches: [unknown[], StreamOptions?][] = [
      [parts.map(([start, end]) => ({ data: x.subarray(start * 4, end * 4), shape: [end - start, 4] }))],
      [parts.map(([start, end]) => ({ x: rows.slice(start, end) }))],
      [parts.map(([start, end]) => rows.slice(start, end)).filter(({ length }) => length > 0)],
      [parts.map(([start, end]) => x.subarray(start * 4, end * 4)), { items: 'batches' }],
      [parts.map(([start, end]) => rows.slice(start, end).map((values) => [...values])), { items: 'batches' }]
    ]
    for (const [items, options] of batches) {
      const outputs = await collect(predictor.stream(items as RowIterable, options))
      const plain = outputs.map((output) => ('output' in output ? (output.output as Tensor) : output))
      expect(numbers(plain)).toEqual(expected)
      expect(plain.map(({ shape }) => shape.join()).filter((shape) => shape !== '0,3')).toEqual(['1,3', '19,3', '3,3', '27,3'])
      expect(outputs.length).toBe(items.length)
    }
    expect(await collect(predictor.stream([]))).toEqual([])
  })

  it('carries along what a batch has besides its rows', async () => {
    using predictor = toyModel(backend).predictor()
    const expected = predictor.predictSync(x).data
    const batches = [
      { x: x.subarray(0, 80), columns: { id: ['a', 'b'] } },
      { x: x.subarray(80), columns: { id: ['c'] } }
    ]
    const outputs = []
    for await (const { columns, output, x: given } of predictor.stream(batches)) outputs.push({ columns, output, given })
    expect(outputs.map(({ columns }) => columns.id)).toEqual([['a', 'b'], ['c']])
    expect(outputs[0]!.given).toBe(batches[0]!.x)
    expect(numbers(outputs.map(({ output }) => output))).toEqual([...expected])
  })

  it('takes a number where a row is one, and rows of two dimensions', async () => {
    const one = createModel(linear(1), { input: [1], seed: 1, backend }).predictor()
    expect(numbers(await collect(one.stream([1, 2, 3])))).toEqual([...one.predictSync([[1], [2], [3]]).data])
    const scaled = createModel(linear(2), { input: { shape: [2, 3], scale: 0.5 }, seed: 1, backend }).predictor()
    const image = Uint8Array.of(1, 2, 3, 4, 5, 6)
    const expected = [...scaled.predictSync([...image, ...image]).data]
    const nested = [
      [1, 2, 3],
      [4, 5, 6]
    ]
    const items = [image, nested, [...image], [image.subarray(0, 3), image.subarray(3)], { data: image, shape: [2, 3] }]
    for (const item of items) {
      const outputs = await collect(scaled.stream([item, item] as RowIterable))
      expect(outputs.map(({ shape }) => shape)).toEqual([
        [2, 2],
        [2, 2]
      ])
      expect(numbers(outputs)).toEqual(expected)
    }
    expect((await collect(scaled.stream([[nested, nested]] as RowIterable)))[0]!.shape).toEqual([2, 2, 2])
    expect((await collect(scaled.stream([[image, image]] as RowIterable)))[0]!.shape).toEqual([2, 2, 2])
  })

  it('takes whole numbers where the model looks them up', async () => {
    const looked = defineLayer({ kind: 'looked', apply: (_context, ids) => oneHot(ids, 5) })
    const net = createModel(sequential(looked(), linear(3)), { input: { shape: [2], dtype: 'int32' }, seed: 1, backend })
    using predictor = net.predictor({ maxBatch: 2 })
    const ids = [0, 1, 4, 3, 2, 2]
    const expected = [...predictor.predictSync(Int32Array.from(ids)).data]
    const single = [[0, 1], Int32Array.of(4, 3), { data: Int32Array.of(2, 2), shape: [2] }]
    expect(numbers(await collect(predictor.stream(single.slice(0, 2) as RowIterable)))).toEqual(expected.slice(0, 12))
    const batches = [{ data: Int32Array.from(ids.slice(0, 4)), shape: [2, 2] }, [[2, 2]]]
    expect(numbers(await collect(predictor.stream(batches as RowIterable)))).toEqual(expected)
    expect((await predictor.predict([2, 2])).data).toEqual(Float32Array.from(expected.slice(12)))
    // Row 7 of all, in a later step of its crossing.
    const wrong = [
      { data: new Int32Array(2), shape: [1, 2] },
      { data: Int32Array.of(0, 1, 2, 3, 4, 0, 1, 2, 3, 9), shape: [5, 2] }
    ]
    expect((await rejection(collect(predictor.stream([...batches.slice(0, 1), ...wrong] as RowIterable)))).message).toBe(
      "Predictor.stream: expected x to hold numbers for layer '0', 0 … 4, got x[7][1] = 9"
    )
    expect((await rejection(collect(predictor.stream([[0, 1.5]])))).message).toMatch(
      /^Predictor\.stream: expected rows\[0\].* whole numbers/
    )
  })

  it('takes inputs by name and gives outputs by name', async () => {
    const [left, right] = [linear(3), linear(2)]
    const net = createModel(({ a, b }) => ({ sum: left(a), odd: right(b) }), {
      input: { a: [4], b: { shape: [2], scale: 0.5 } },
      seed: 1,
      backend
    })
    using predictor = net.predictor({ maxBatch: 3, output: { sum: 'probabilities' } })
    const [a, b] = [x.subarray(0, 20), Float32Array.from({ length: 10 }, (_, i) => i)]
    const expected = predictor.predictSync({ a, b })
    const items = Array.from({ length: 5 }, (_, i) => ({ a: row(i), b: [2 * i, 2 * i + 1] }))
    const outputs = []
    for await (const output of predictor.stream(items)) outputs.push(output)
    expect(outputs.map(({ sum, odd }) => [sum.shape, odd.shape])).toEqual(items.map(() => [[3], [2]]))
    expect(numbers(outputs.map(({ sum }) => sum))).toEqual([...expected.sum.data])
    expect(numbers(outputs.map(({ odd }) => odd))).toEqual([...expected.odd.data])
    const batches = [
      { x: { a: a.subarray(0, 16), b: b.subarray(0, 8) }, id: 1 },
      { x: { a: a.subarray(16), b: b.subarray(8) }, id: 2 }
    ]
    const labelled = []
    for await (const { id, output } of predictor.stream(batches)) labelled.push({ id, rows: output.odd.shape[0], odd: output.odd })
    expect(labelled.map(({ id, rows: count }) => [id, count])).toEqual([
      [1, 4],
      [2, 1]
    ])
    expect(numbers(labelled.map(({ odd }) => odd))).toEqual([...expected.odd.data])
    expect(
      (
        await rejection(
          predictor
            .stream([items[0]!, { a: row(0), b: [1] }])
            .next()
            .then(() => predictor.stream([{ a: row(0), b: [1] }]).next())
        )
      ).message
    ).toBe('Predictor.stream: expected rows[0].b to have 2 numbers or arrays, got 1')
  })

  it('forms full batches of what is there, and sends what there is where the source pauses', async () => {
    const { predictor, batches } = counted(backend)
    await collect(predictor.stream(rows))
    expect(batches).toEqual([8, 8, 8, 8, 8, 8, 2])
    batches.length = 0
    await collect(predictor.stream(rows.map((data) => [data, data, data])))
    expect(batches).toEqual([...Array(18).fill(8), 6])
    batches.length = 0
    let answers = 0
    // Pauses before the sixth row until the five before it are answered.
    const { source } = watchedSource(rows.slice(0, 7), (index) => (index === 5 ? until(() => answers === 5) : undefined))
    for await (const _ of predictor.stream(source)) answers++
    expect(batches).toEqual([5, 2])
  })

  it('reads and gives while it predicts', async () => {
    let going: (() => void) | undefined
    const { predictor } = counted(backend, () => new Promise<void>((resolve) => (going = resolve)))
    const { source, seen } = watchedSource(rows)
    const outputs = predictor.stream(source)
    const first = outputs.next()
    await until(() => going !== undefined)
    // The first batch is on its way and does not end; the second is read meanwhile.
    await until(() => seen.read === 16)
    await turns(5)
    expect(seen.read).toBe(16)
    going!()
    going = undefined
    expect((await first).value!.data.length).toBe(3)
    // The second runs while the first is taken.
    await until(() => going !== undefined)
    expect((await outputs.next()).done).toBe(false)
    going!()
    void outputs.return(undefined)
  })

  it('reads no further than a few batches ahead of whoever takes its outputs', async () => {
    const { predictor, batches } = counted(backend)
    const { source, seen } = watchedSource(endless())
    const outputs = predictor.stream(source)
    await outputs.next()
    // One block is being taken, one waits to be taken, one is read; then nothing more.
    await until(() => seen.read === 24 && batches.length === 2)
    await turns(30)
    expect([seen.read, batches.length]).toEqual([24, 2])
    for (let i = 0; i < 100; i++) await outputs.next()
    expect(seen.read).toBeGreaterThan(100)
    expect(seen.read).toBeLessThanOrEqual(101 + 32)
    await outputs.return(undefined)
    expect(seen.closed).toBe(1)
  })

  it('lets the source go where the consumer stops, and then reads no more', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 4 })
    for (const stop of [1, 5, 9]) {
      const { source, seen } = watchedSource(rows)
      let taken = 0
      for await (const _ of predictor.stream(source)) if (++taken === stop) break
      expect(seen.closed).toBe(1)
      const { read } = seen
      await turns(5)
      expect(seen.read).toBe(read)
    }
    const never = watchedSource(rows)
    await predictor.stream(never.source).return(undefined)
    expect(never.seen).toEqual({ read: 0, closed: 0 })
    // Though it waits for a source that is silent.
    const silent = watchedSource(rows, () => new Promise(() => {}))
    const outputs = predictor.stream(silent.source)
    const waiting = outputs.next()
    await turns(2)
    await outputs.return(undefined)
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(silent.seen.closed).toBe(1)
    function* generator() {
      try {
        yield* rows
      } finally {
        closed = true
      }
    }
    let closed = false
    for await (const _ of predictor.stream(generator())) break
    expect(closed).toBe(true)
  })

  it('ends when its run on the backend has ended, so that the predictor is idle', async () => {
    let going: (() => void) | undefined
    const { predictor } = counted(backend, () => new Promise<void>((resolve) => (going = resolve)))
    const controller = new AbortController()
    const reason = new Error('enough')
    const ends: ((outputs: AsyncGenerator<Tensor, void>) => Promise<unknown>)[] = [
      (outputs) => outputs.return(undefined),
      async () => controller.abort(reason)
    ]
    for (const end of ends) {
      const silent = watchedSource(rows, (index) => (index === 8 ? new Promise(() => {}) : undefined))
      const outputs = predictor.stream(silent.source, { signal: controller.signal })
      const first = outputs.next().then(
        ({ done }) => done,
        (error) => error
      )
      await until(() => going !== undefined)
      let ended = false
      void first.then(() => (ended = true))
      const ending = end(outputs)
      await turns(20)
      expect([ended, silent.seen.closed]).toEqual([false, 1])
      going!()
      going = undefined
      expect(await first).toBe(controller.signal.aborted ? reason : true)
      await ending
      expect(predictor.predictSync(row(0)).shape).toEqual([1, 3])
    }
  })

  it('ends at once where its predictor waits for the model', async () => {
    let going: (() => void) | undefined
    let hold = false
    const net = watchedModel(backend, { run: () => (hold ? new Promise<void>((resolve) => (going = resolve)) : undefined) })
    const trainer = toyTrainer(net)
    await trainer.step(toyData())
    hold = true
    const step = trainer.step(toyData())
    await until(() => going !== undefined)
    // After the step has begun: its copy is taken behind it.
    const controller = new AbortController()
    const reason = new Error('enough')
    const predictor = net.predictor({ maxBatch: 8 })
    const one = predictor.stream(rows)
    const two = rejection(predictor.stream(rows, { signal: controller.signal }).next())
    const waiting = one.next()
    await turns(5)
    controller.abort(reason)
    expect(await two).toBe(reason)
    await one.return(undefined)
    expect(await waiting).toEqual({ done: true, value: undefined })
    hold = false
    going!()
    await step
    expect(predictor.predictSync(row(0)).shape).toEqual([1, 3])
  })

  it('gives all outputs before the error of its source, which says where it was', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 8 })
    const expected = predictor.predictSync(x).data
    const broken = new Error('the line is cut')
    for (const at of [0, 1, 8, 19]) {
      const { source, seen } = watchedSource(rows, (index) => (index === at ? Promise.reject(broken) : undefined))
      const outputs: number[] = []
      const failed = await rejection(
        (async () => {
          for await (const { data } of predictor.stream(source)) outputs.push(...data)
        })()
      )
      expect(failed).toBeInstanceOf(DataError)
      expect(failed).toMatchObject({ row: at, code: 'EVENKEEL_DATA', cause: broken })
      expect(failed.message).toBe(`Predictor.stream: expected row ${at} of the source, or its end, got an error: the line is cut`)
      expect(outputs).toEqual([...expected.subarray(0, at * 3)])
      expect(seen.closed).toBe(0)
    }
    const inBatches = {
      *[Symbol.iterator]() {
        yield { data: x.subarray(0, 44), shape: [11, 4] }
        throw 'no more'
      }
    }
    const outputs = predictor.stream(inBatches)
    expect((await outputs.next()).value!.shape).toEqual([11, 3])
    const failed = await rejection(outputs.next())
    expect(failed).toMatchObject({ row: 11, cause: 'no more' })
  })

  it('gives all outputs before an item that does not fit, and lets the source go', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 8 })
    const bad: [unknown[], number, string][] = [
      [[...rows.slice(0, 10), [1, 2, 3]], 10, 'expected rows[10] to have 4 numbers or arrays, got 3'],
      [[...rows.slice(0, 3), [1, 2, '3', 4]], 3, "expected rows[3][2] to be a number, got '3'"],
      [[row(0), new Float32Array(5)], 1, 'expected rows[1] to hold 4 numbers (the shape [4]), got Float32Array(5)'],
      [[row(0), { data: row(1), shape: [1, 4] }], 1, 'expected rows[1] to have the shape [4], got [1, 4]'],
      [[row(0), null], 1, 'expected rows[1] to be an array of 4, got null'],
      [[row(0), new BigInt64Array(4)], 1, 'expected rows[1] to hold numbers, got BigInt64Array(4)'],
      [[[row(0)], [row(1), [1, 2]]], 1, 'expected batches[1][1] to have 4 numbers or arrays, got 2'],
      [[{ x: [row(0)] }, { x: 3 }], 1, 'expected batches[1] to be a tensor, a typed array or nested arrays, got 3']
    ]
    for (const [items, count, message] of bad) {
      const { source, seen } = watchedSource(items)
      let taken = 0
      const failed = await rejection(
        (async () => {
          for await (const _ of predictor.stream(source as RowIterable)) taken++
        })()
      )
      expect(failed.message).toBe(`Predictor.stream: ${message}`)
      expect([taken, seen.closed]).toEqual([count, 1])
    }
    expect(thrown(() => predictor.stream(rows, { items: 'row' } as never)).message).toBe(
      "Predictor.stream: expected items to be 'rows' or 'batches', got 'row'. Did you mean 'rows'?"
    )
    expect(thrown(() => predictor.stream(rows, { batchSize: 9 })).message).toMatch(/expected batchSize to be .* at most 8, got 9$/)
  })

  it('gives what it has before the error of a run', async () => {
    let runs = 0
    const net = watchedModel(backend, {
      run: ({ inputs }) => {
        if (inputs.length > 0 && ++runs === 3) throw new Error('the backend is gone')
      }
    })
    const { source, seen } = watchedSource(rows)
    let taken = 0
    const failed = await rejection(
      (async () => {
        for await (const _ of net.predictor({ maxBatch: 8 }).stream(source)) taken++
      })()
    )
    expect([failed.message, taken, seen.closed]).toEqual(['the backend is gone', 16, 1])
  })

  it('ends where its predictor is disposed of, though the source be silent, and keeps it no longer', async () => {
    const predictor = toyModel(backend).predictor({ maxBatch: 8 })
    const { source, seen } = watchedSource(rows, (index) => (index === 3 ? new Promise(() => {}) : undefined))
    const outputs = predictor.stream(source)
    for (let i = 0; i < 3; i++) await outputs.next()
    const waiting = rejection(outputs.next())
    await turns(3)
    predictor.dispose()
    expect((await waiting).code).toBe('EVENKEEL_DISPOSED')
    expect(seen.closed).toBe(1)
    expect((await rejection(predictor.stream(rows).next())).code).toBe('EVENKEEL_DISPOSED')
  })

  it('lets other calls of the predictor run in between', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 4 })
    const expected = predictor.predictSync(x).data
    const streams = Array.from({ length: 3 }, () => collect(predictor.stream(rows)))
    const single = rows.map((values) => predictor.predict(values))
    const whole = predictor.predict(x)
    await predictor.refresh()
    for (const outputs of await Promise.all(streams)) expect(numbers(outputs)).toEqual([...expected])
    expect(numbers(await Promise.all(single))).toEqual([...expected])
    expect((await whole).data).toEqual(expected)
  })

  it('gives what predict gives, however rows come and outputs are taken', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 7 })
    const expected = predictor.predictSync(x).data
    const plan = fc.record({
      batchSize: fc.integer({ min: 1, max: 7 }),
      sizes: fc.array(fc.nat(20), { maxLength: 8 }),
      pauses: fc.array(fc.nat(2), { maxLength: 8 }),
      taking: fc.array(fc.nat(2), { maxLength: 8 })
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ batchSize, sizes, pauses, taking }) => {
        const items: Tensor[] = []
        let start = 0
        for (const size of sizes) {
          const end = Math.min(50, start + size)
          items.push({ data: x.subarray(start * 4, end * 4), shape: [end - start, 4] })
          start = end
        }
        const { source } = watchedSource(items, (index) => turns(pauses[index] ?? 0))
        const outputs: Tensor[] = []
        for await (const output of predictor.stream(source, { batchSize })) {
          outputs.push(output)
          await turns(taking[outputs.length % 8] ?? 0)
        }
        expect(outputs.map(({ shape }) => shape[0])).toEqual(items.map(({ shape }) => shape[0]))
        expect(numbers(outputs)).toEqual([...expected.subarray(0, start * 3)])
      }),
      { numRuns: 30 }
    )
  })
})

function* endless() {
  for (;;) yield row(0)
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
