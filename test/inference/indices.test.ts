import { describe, expect, it } from 'vitest'
import { constant, createModel, defineLayer, flatten, linear, type Model, meanSquaredError, sequential, sgd } from '../../lib/index.js'
import { gather } from '../../lib/ops/index.js'
import { modelBackends, rejection, thrown } from '../helpers/models.js'

const embed = defineLayer({
  kind: 'embed',
  apply: (context, x) => gather(context.parameter('table', [10, 2], constant(0.5)), x)
})

/** Looks 3 numbers a row up in a table of 10. */
const make = (backend: 'portable' | 'native'): Model =>
  createModel(sequential(embed({ name: 'words' }), flatten(), linear(1)), { input: { shape: [3], dtype: 'int32' }, seed: 1, backend })

const good = [
  [0, 1, 9],
  [2, 3, 4]
]
const rows = [...good, [5, 6, 7], [8, -1, 0], [1, 2, 3]]

describe.each(modelBackends)('indices out of range on %s', (backend) => {
  it('name the row, the number and the layer, wherever they come in', async () => {
    const net = make(backend)
    const message = "expected x to hold numbers for layer 'words', 0 … 9, got x[3][1] = -1"
    const refused = (owner: string) => ({ name: 'RangeError', code: 'EVENKEEL_LABEL', message: `${owner}: ${message}` })
    expect((await net.predict(good)).shape).toEqual([2, 1])
    expect(await rejection(net.predict(rows, { batchSize: 2 }))).toMatchObject(refused('Model.predict'))
    expect(thrown(() => net.predictSync(rows, { batchSize: 2 }))).toMatchObject(refused('Model.predictSync'))
    const predictor = net.predictor({ maxBatch: 2 })
    expect(await rejection(predictor.predict(rows))).toMatchObject(refused('Predictor.predict'))
    const seen: unknown[] = []
    const read = async (): Promise<void> => {
      for await (const y of predictor.stream(rows)) seen.push(y)
    }
    expect(await rejection(read())).toMatchObject(refused('Predictor.stream'))
    expect(seen).toHaveLength(2)
    const data = { x: rows, y: new Float32Array(5) }
    const loss = meanSquaredError()
    expect(await rejection(net.evaluate(data, { loss, batchSize: 2 }))).toMatchObject(refused('Model.evaluate'))
    const trainer = net.trainer({ loss, optimizer: sgd({ learningRate: 0.1 }) })
    expect(await rejection(trainer.step(data))).toMatchObject(refused('Trainer.step'))
    expect(await rejection(trainer.fit(data, { epochs: 1, batchSize: 2, shuffle: false }))).toMatchObject(refused('Trainer.fit'))
    // What was good before went through, and what comes after goes through.
    expect((await predictor.predict(good)).shape).toEqual([2, 1])
    await trainer.step({ x: good, y: [1, 2] })
    expect(net.parameters['words.table']!.data[2 * 9]).not.toBe(0.5)
    net.dispose()
  })
})
