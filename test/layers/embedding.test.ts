import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createModel, embedding, flatten, linear, loadModel, meanSquaredError, sequential, sgd } from '../../lib/index.js'
import { expectLayerOf } from '../helpers/layers.js'
import { modelBackends, rejection, thrown } from '../helpers/models.js'
import { batch } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'

const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-embedding-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(runtimes)('embedding on $name', ({ runtime }) => {
  it('looks vectors up, and adds the gradients of those that were looked up twice', () => {
    const rows = [4, 0, 4, 2, 1, 4]
    const { gradients } = expectLayerOf(runtime, embedding(6, 3), {
      shapes: { x: [batch, 2], weight: [6, 3] },
      integers: { x: rows },
      reference: ({ weight }) => rows.flatMap((row) => [0, 1, 2].map((column) => weight![row * 3 + column]!))
    })
    expect([...gradients.weight!.subarray(9, 12)]).toEqual([0, 0, 0])
  })
})

describe.each(modelBackends)('a model with an embedding on %s', (backend) => {
  it('trains the vectors it sees, saves and loads', async () => {
    const net = createModel(sequential(embedding(5, 2, { name: 'words' }), flatten(), linear(1)), {
      input: { shape: [3], dtype: 'int32' },
      seed: 4,
      backend
    })
    const before = Float32Array.from(net.parameters['words.weight']!.data)
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
    await trainer.step({ x: Int32Array.of(0, 1, 1, 3, 0, 1), y: Float32Array.of(1, -1) })
    const after = net.parameters['words.weight']!.data
    const moved = [0, 1, 2, 3, 4].map((row) => after[2 * row] !== before[2 * row])
    expect(moved).toEqual([true, true, false, true, false])
    const file = path.join(folder, `${backend}.safetensors`)
    await net.save(file)
    const again = await loadModel(file, { backend })
    expect([...(await again.predict(Int32Array.of(2, 3, 4))).data]).toEqual([...(await net.predict(Int32Array.of(2, 3, 4))).data])
    again.dispose()
    net.dispose()
  })

  it('refuses a number that is none of its vectors, in training and in every way to predict, and says which', async () => {
    const net = createModel(sequential(embedding(5, 2, { name: 'words' }), flatten(), linear(1)), {
      input: { shape: [3], dtype: 'int32' },
      seed: 4,
      backend
    })
    const before = Float32Array.from(net.parameters['words.weight']!.data)
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
    const x = Int32Array.of(0, 1, 2, 3, 5, 1)
    const predictor = net.predictor()
    const errors = [
      await rejection(trainer.step({ x, y: Float32Array.of(1, 2) })),
      await rejection(net.predict(x)),
      await rejection(net.predict(x, { batchSize: 1 })),
      thrown(() => net.predictSync(x)),
      await rejection(predictor.predict(x))
    ]
    expect(errors.map(({ name, code }) => [name, code])).toEqual(errors.map(() => ['RangeError', 'EVENKEEL_LABEL']))
    expect(errors.map(({ message }) => message)).toMatchInlineSnapshot(`
      [
        "Trainer.step: expected x to hold numbers for layer 'words', 0 … 4, got x[1][1] = 5",
        "Model.predict: expected x to hold numbers for layer 'words', 0 … 4, got x[1][1] = 5",
        "Model.predict: expected x to hold numbers for layer 'words', 0 … 4, got x[1][1] = 5",
        "Model.predictSync: expected x to hold numbers for layer 'words', 0 … 4, got x[1][1] = 5",
        "Predictor.predict: expected x to hold numbers for layer 'words', 0 … 4, got x[1][1] = 5",
      ]
    `)
    expect([...net.parameters['words.weight']!.data]).toEqual([...before])
    expect(trainer.steps).toBe(0)
    predictor.dispose()
    net.dispose()
  })
})

describe('embedding', () => {
  it('refuses what does not make a table, and an input that is not whole numbers', () => {
    expect(thrown(() => embedding(0, 3)).message).toMatchInlineSnapshot(`"embedding: expected a count of at least 1, got 0"`)
    expect(thrown(() => embedding(3, 1.5)).message).toMatchInlineSnapshot(
      `"embedding: expected a number of dimensions of at least 1, got 1.5"`
    )
    expect(thrown(() => createModel(embedding(3, 2), { input: [3] }).summary()).message).toMatchInlineSnapshot(
      `"embedding in layer '': expected an input of int32, got float32. Declare it with the model: input: { shape, dtype: 'int32' }"`
    )
  })
})
