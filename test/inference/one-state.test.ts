import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { accuracy, BackendError, type Metric, softmaxCrossEntropy, type Trainer } from '../../lib/index.js'
import { modelBackends, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'
import { watchedModel } from '../helpers/watched.js'

/** Equal rows: their outputs are equal bits where one set of parameters made them all, in whatever batches. */
const rows = 20_000
const equalRows = new Float32Array(rows * 4).fill(0.75)

/** How many different outputs there are. */
function states(output: Float32Array): number {
  const seen = new Set<string>()
  for (let row = 0; row < output.length; row += 3) seen.add(output.subarray(row, row + 3).join())
  return seen.size
}

async function stepsPast(trainer: Trainer, count: number): Promise<void> {
  const start = trainer.steps
  while (trainer.steps < start + count) await turn()
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

describe.each(modelBackends)('what reads during a fit on %s', (backend) => {
  it('sees one completed step in the whole of a call', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const outputs: Float32Array[] = []
    const keep: Metric = {
      name: 'keep',
      start: () => ({ update: ({ output }) => void outputs.push(output.slice()), result: () => 0 })
    }
    const fit = trainer.fit(toyData(), { epochs: 1e9, batchSize: 8 })
    await stepsPast(trainer, 1)
    // Small batches, so that each call has many crossings; two at once, as they share.
    const [one, two] = await Promise.all([net.predict(equalRows, { batchSize: 16 }), net.predict(equalRows, { batchSize: 24 })])
    expect([states(one.data), states(two.data)]).toEqual([1, 1])
    await net.evaluate({ x: equalRows, y: new Int32Array(rows) }, { metrics: [keep], batchSize: 16 })
    const evaluated = outputs.flatMap((output) => [...output])
    expect(evaluated.length).toBe(rows * 3)
    expect(states(Float32Array.from(evaluated))).toBe(1)
    await stepsPast(trainer, 2)
    const later = await net.predict(equalRows.subarray(0, 4))
    expect(later.data).not.toEqual(one.data.subarray(0, 3))
    trainer.stop()
    expect((await fit).stopped).toBe(true)
  })

  it('sees one set of parameters though its predictor is refreshed', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const fit = trainer.fit(toyData(), { epochs: 1e9, batchSize: 8 })
    const predictor = net.predictor({ maxBatch: 16 })
    const first = await predictor.predict(equalRows.subarray(0, 4))
    for (let round = 0; round < 3; round++) {
      await stepsPast(trainer, 1)
      const predicting = predictor.predict(equalRows, { batchSize: 1 })
      await Promise.race([predicting, turns(3)])
      const refreshing = predictor.refresh()
      expect(states((await predicting).data)).toBe(1)
      await refreshing
    }
    expect((await predictor.predict(equalRows.subarray(0, 4))).data).not.toEqual(first.data)
    trainer.stop()
    await fit
  })

  it('lets a fit be aborted or stopped that waits for it', async () => {
    let release: (() => void) | undefined
    let hold = false
    const net = watchedModel(backend, { run: () => (hold ? new Promise<void>((resolve) => (release = resolve)) : undefined) })
    const trainer = toyTrainer(net)
    await trainer.step(toyData())
    let predicted = false
    hold = true
    const predicting = net.predict(equalRows).then(() => (predicted = true))
    while (!release) await turn()
    const controller = new AbortController()
    const aborted = rejection(trainer.fit(toyData(), { signal: controller.signal }))
    await turns(5)
    controller.abort(new Error('enough'))
    expect((await aborted).message).toBe('enough')
    const stopped = trainer.fit(toyData())
    await turns(5)
    trainer.stop()
    expect(await stopped).toMatchObject({ stopped: true, steps: 0 })
    expect(predicted).toBe(false)
    hold = false
    release()
    await predicting
    expect((await trainer.fit(toyData())).steps).toBe(7)
  })

  it('is an evaluation of a dataset whose source waits for training of the same model', async () => {
    const { x, y } = toyData(60)
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const options = { loss: softmaxCrossEntropy(), metrics: [accuracy()], batchSize: 7 }
    const expected = await net.evaluate({ x, y }, options)
    const waits: (() => Promise<unknown>)[] = [
      () => trainer.step(toyData()),
      () => net.predict(equalRows.subarray(0, 4)),
      () => trainer.fit(toyData()),
      () => trainer.saveCheckpoint(path.join(tmpdir(), `evenkeel-one-state-${process.pid}-${backend}`)),
      () => net.evaluate({ x, y })
    ]
    const source = (before: (batch: number) => Promise<unknown> | undefined) =>
      async function* () {
        for (let batch = 0; batch < 6; batch++) {
          await before(batch)
          const [start, end] = [batch * 10, batch * 10 + 10]
          yield { x: { data: x.slice(start * 4, end * 4), shape: [10, 4] }, y: y.slice(start, end) }
        }
      }
    const waiting = source((batch) => waits[batch - 1]?.())
    expect(await net.evaluate(waiting, options)).toEqual(expected)
    expect(trainer.steps).toBe(8)
    expect(await net.evaluate({ x, y }, options)).not.toEqual(expected)
    await rm(path.join(tmpdir(), `evenkeel-one-state-${process.pid}-${backend}`))
  })

  it('is each of two evaluations of a dataset during a fit, which goes on', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const fit = trainer.fit(toyData(), { epochs: 1e9, batchSize: 8 })
    const evaluation = () => {
      const outputs: number[] = []
      const keep: Metric = { name: 'keep', start: () => ({ update: ({ output }) => void outputs.push(...output), result: () => 0 }) }
      let begun: (() => void) | undefined
      const asked = new Promise<void>((resolve) => (begun = resolve))
      const source = async function* () {
        begun!()
        for (let batch = 0; batch < 5; batch++) {
          await stepsPast(trainer, 1)
          yield { x: { data: equalRows.slice(0, 200), shape: [50, 4] }, y: new Int32Array(50) }
        }
      }
      return { asked, outputs, done: net.evaluate(source, { metrics: [keep] }) }
    }
    const one = evaluation()
    await one.asked
    await stepsPast(trainer, 1)
    const two = evaluation()
    await Promise.all([one.done, two.done])
    trainer.stop()
    await fit
    expect([one.outputs.length, two.outputs.length]).toEqual([750, 750])
    expect([one.outputs, two.outputs].map((outputs) => states(Float32Array.from(outputs)))).toEqual([1, 1])
    expect(one.outputs).not.toEqual(two.outputs)
  })

  it('keeps a copy only where somebody writes meanwhile, and fails alone where there is no memory for it', async () => {
    let full = false
    const allocated: number[] = []
    const net = watchedModel(backend, {
      allocate: (bytes) => {
        // The first is that of the parameters.
        if (full && bytes === allocated[0]) throw new BackendError('no memory', { code: 'EVENKEEL_OUT_OF_MEMORY' })
        allocated.push(bytes)
      }
    })
    const trainer = toyTrainer(net)
    const data = toyData(40)
    const source = (between: () => Promise<unknown> | undefined) =>
      async function* () {
        for (let batch = 0; batch < 3; batch++) {
          if (batch === 1) await between()
          yield { ...data, x: { data: data.x, shape: [40, 4] } }
        }
      }
    await trainer.step(data)
    const before = await net.evaluate(data)
    full = true
    expect(await net.evaluate(source(() => undefined))).toEqual(before)
    let step = 0
    const failed = await rejection(
      net.evaluate(
        source(async () => {
          step = (await trainer.step(data)).step
        })
      )
    )
    expect([failed.code, step]).toEqual(['EVENKEEL_OUT_OF_MEMORY', 1])
    expect(await net.evaluate(source(() => undefined))).toEqual(await net.evaluate(data))
  })

  it('validates while predictions go on, and all of them end', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const validation = { x: equalRows, y: new Int32Array(rows) }
    const fit = trainer.fit(toyData(), { epochs: 3, validation })
    const predictor = net.predictor()
    const results = await Promise.all([
      fit,
      ...Array.from({ length: 8 }, () => net.predict(equalRows, { batchSize: 64 })),
      ...Array.from({ length: 4 }, () => predictor.predict(equalRows)),
      predictor.refresh(),
      predictor.refresh()
    ])
    expect(results[0].steps).toBe(21)
  })
})

describe.each(modelBackends)('a predictor on %s whose model goes', (backend) => {
  const { x } = toyData(20, 9)

  it('takes its copy though a run of the model is on its way', async () => {
    const net = toyModel(backend)
    const expected = net.predictor().predictSync(x)
    const running = rejection(net.predict(equalRows, { batchSize: 2 }))
    const [asked, other] = [net.predictor(), net.predictor()]
    const early = asked.predict(x)
    await turn()
    net.dispose()
    expect(thrown(() => other.predictSync(x)).message).toBe(
      'Predictor.predictSync: expected no run of its model on its way, got a dispose that waits for one. Await it, or predict'
    )
    expect((await other.predict(x)).data).toEqual(expected.data)
    expect((await early).data).toEqual(expected.data)
    expect((await running).code).toBe('EVENKEEL_DISPOSED')
    expect(other.predictSync(x).data).toEqual(expected.data)
    expect((await rejection(other.refresh())).code).toBe('EVENKEEL_DISPOSED')
  })

  it('says why where it could not take it', async () => {
    const memory = { out: false }
    const net = watchedModel(backend, {
      allocate: () => {
        if (memory.out) throw new BackendError('no memory', { code: 'EVENKEEL_OUT_OF_MEMORY' })
      }
    })
    const trainer = toyTrainer(net)
    await trainer.step(toyData())
    const predictor = net.predictor()
    memory.out = true
    // The training does not suffer from it.
    expect((await trainer.step(toyData())).step).toBe(1)
    memory.out = false
    const refused = await rejection(predictor.predict(x))
    expect(refused.code).toBe('EVENKEEL_OUT_OF_MEMORY')
    expect(refused.message).toBe(
      'Predictor.predict: expected a predictor that has copied its model, got one that could not: no memory. Its model has changed since: call refresh()'
    )
    await predictor.refresh()
    expect((await predictor.predict(x)).shape).toEqual([20, 3])
    const second = net.predictor()
    memory.out = true
    net.dispose()
    expect(thrown(() => second.predictSync(x)).message).toMatch(/got one that could not: no memory\. Its model was disposed of$/)
    expect((await rejection(second.predict(x))).cause).toBeInstanceOf(BackendError)
  })
})
