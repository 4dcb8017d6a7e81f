import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { adam, loadModel, softmaxCrossEntropy } from '../../lib/index.js'
import { modelBackends } from '../helpers/models.js'

const file = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const expected = JSON.parse(await readFile(file('expected-v1.json'), 'utf8')) as {
  x: number[][]
  y: number[]
  predictions: number[]
  afterAnotherEpoch: number[]
}

/** Largest difference. The files were made by the portable backend; others sum in another order. */
function difference(actual: Float32Array, wanted: readonly number[]): number {
  expect(actual.length).toBe(wanted.length)
  return wanted.reduce((most, value, index) => Math.max(most, Math.abs(value - actual[index]!)), 0)
}

// Made once, by test/fixtures/make-model.mjs: what a released version wrote stays loadable.
describe.each(modelBackends)('files of format version 1 on %s', (backend) => {
  it('hold the model that was saved', async () => {
    const net = await loadModel(file('model-v1.safetensors'), { backend })
    expect(net.seed).toBe(2n ** 60n + 3n)
    expect(Object.keys({ ...net.parameters, ...net.buffers }).sort()).toEqual([
      '0.bias',
      '0.g',
      '0.v',
      '1.batches',
      '1.beta',
      '1.gamma',
      '1.runningMean',
      '1.runningVariance',
      'head.bias',
      'head.weight'
    ])
    const { data } = await net.predict(expected.x)
    expect(difference(data, expected.predictions)).toBeLessThan(backend === 'portable' ? 1e-7 : 1e-5)
    net.dispose()
  })

  it('hold the state of a training', async () => {
    const net = await loadModel(file('model-v1.safetensors'), { backend })
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: adam({ learningRate: 0.01 }) })
    await trainer.loadCheckpoint(file('checkpoint-v1.safetensors'))
    expect([trainer.steps, trainer.epochs]).toEqual([9, 3])
    await trainer.fit({ x: expected.x, y: expected.y }, { epochs: 1, batchSize: 8 })
    const { data } = await net.predict(expected.x)
    expect(difference(data, expected.afterAnotherEpoch)).toBeLessThan(backend === 'portable' ? 1e-7 : 1e-4)
    net.dispose()
  })
})
