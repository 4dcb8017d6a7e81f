import { once } from 'node:events'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../lib/index.js'
import { modelBackends, rejection, thrown, toyData, toyModel } from '../helpers/models.js'
import { watchedModel } from '../helpers/watched.js'

const { x } = toyData(500, 9)
const rows = Array.from({ length: 500 }, (_, index) => x.subarray(index * 4, index * 4 + 4))

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

/** Keeps what it is given, a turn of the event loop each. */
function slow(kept: Tensor[]): Writable {
  return new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      kept.push(chunk)
      setImmediate(done)
    }
  })
}

describe.each(modelBackends)('a transform on %s', (backend) => {
  it('is a Transform that a pipeline takes, and gives the outputs in order', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 16 })
    const expected = [...predictor.predictSync(x).data]
    const transform = predictor.transform()
    expect(transform).toBeInstanceOf(Transform)
    for (const source of [rows, Readable.from(rows)]) {
      const kept: Tensor[] = []
      await pipeline(source, predictor.transform({ batchSize: 7 }), slow(kept))
      expect(kept.flatMap(({ data }) => [...data])).toEqual(expected)
    }
    const batches: Tensor[] = []
    const halves = [0, 1].map((half) => ({ data: x.subarray(half * 1000, half * 1000 + 1000), shape: [250, 4] }))
    await pipeline(halves, transform, slow(batches))
    expect(batches.map(({ shape }) => shape)).toEqual([
      [250, 3],
      [250, 3]
    ])
    const none: Tensor[] = []
    await pipeline([], predictor.transform(), slow(none))
    expect(none).toEqual([])
  })

  it('holds back whoever writes while nobody reads', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 16 })
    const transform = predictor.transform()
    let written = 0
    const writing = (async () => {
      for (let i = 0; i < 5000; i++) {
        written++
        if (!transform.write(rows[i % 500])) await new Promise((resolve) => transform.once('drain', resolve))
      }
      transform.end()
    })()
    let before = -1
    while (written !== before) {
      before = written
      await turns(20)
    }
    expect(written).toBeLessThan(500)
    let read = 0
    for await (const _ of transform) read++
    await writing
    expect([written, read]).toEqual([5000, 5000])
  })

  it('fails with the source, with a row that does not fit, and with its reader, and lets go', async () => {
    using predictor = toyModel(backend).predictor({ maxBatch: 16 })
    async function* broken() {
      yield* rows.slice(0, 3)
      throw new Error('the line is cut')
    }
    expect((await rejection(pipeline(broken(), predictor.transform(), slow([])))).message).toBe('the line is cut')
    const kept: Tensor[] = []
    const bad = pipeline([...rows.slice(0, 3), [1]], predictor.transform(), slow(kept))
    expect((await rejection(bad)).message).toBe('Predictor.transform: expected rows[3] to have 4 numbers or arrays, got 1')
    let closed = false
    function* endless() {
      try {
        for (;;) yield rows[0]
      } finally {
        closed = true
      }
    }
    const stopped = pipeline(endless(), predictor.transform(), async (outputs: AsyncIterable<Tensor>) => {
      for await (const _ of outputs) throw new Error('enough')
    })
    expect((await rejection(stopped)).message).toBe('enough')
    expect(closed).toBe(true)
    expect(thrown(() => predictor.transform({ size: 3 } as never)).message).toMatch(/^Predictor\.transform: expected only the options/)
    // Nothing is left on its way.
    expect(predictor.predictSync(x.subarray(0, 4)).shape).toEqual([1, 3])
  })

  it('closes when the run on its way has ended, and not before', async () => {
    let release: (() => void) | undefined
    const net = watchedModel(backend, {
      run: ({ inputs }) => (inputs.length > 0 ? new Promise<void>((resolve) => (release = resolve)) : undefined)
    })
    using predictor = net.predictor()
    const transform = predictor.transform()
    let closed = false
    transform.once('close', () => (closed = true))
    transform.write(rows[0])
    while (!release) await turn()
    transform.destroy()
    await turns(20)
    expect([transform.destroyed, closed]).toEqual([true, false])
    expect(thrown(() => predictor.predictSync(rows[0]!)).message).toMatch(/^Predictor\.predictSync: expected no run of this predictor/)
    const closing = once(transform, 'close')
    release()
    await closing
    expect(predictor.predictSync(x.subarray(0, 4)).shape).toEqual([1, 3])
  })

  it('ends by a signal and by destroy, though nothing is written', async () => {
    using predictor = toyModel(backend).predictor()
    const controller = new AbortController()
    const silent = new Readable({ objectMode: true, read() {} })
    silent.push(rows[0])
    const kept: Tensor[] = []
    const ended = rejection(pipeline(silent, predictor.transform({ signal: controller.signal }), slow(kept)))
    while (kept.length === 0) await turn()
    controller.abort(new Error('enough'))
    expect((await ended).message).toBe('enough')
    expect(silent.destroyed).toBe(true)
    const transform = predictor.transform()
    transform.write(rows[0])
    await turns(3)
    transform.destroy()
    await new Promise((resolve) => transform.once('close', resolve))
  })
})
