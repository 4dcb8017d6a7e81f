import { describe, expect, it } from 'vitest'
import { createModel, layerNorm, linear, meanSquaredError, sequential, sgd } from '../../lib/index.js'
import * as ops from '../../lib/ops/index.js'
import { expectLayerOf } from '../helpers/layers.js'
import { modelBackends, thrown } from '../helpers/models.js'
import { batch, expectOperation } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { layerNormReference } from '../reference/layer-norm.js'

describe.each(runtimes)('layerNorm on $name', ({ runtime }) => {
  it('normalizes the last dimensions, with gradients', () => {
    expectLayerOf(runtime, layerNorm(), {
      shapes: { x: [batch, 7], gamma: [7], beta: [7] },
      reference: ({ x, gamma, beta }) => layerNormReference(x!, 7, 1e-5, gamma, beta)
    })
    expectLayerOf(runtime, layerNorm({ dimensions: 2, epsilon: 0.1 }), {
      shapes: { x: [batch, 2, 3, 4], gamma: [3, 4], beta: [3, 4] },
      reference: ({ x, gamma, beta }) => layerNormReference(x!, 12, 0.1, gamma, beta)
    })
    expectLayerOf(runtime, layerNorm({ scale: false, center: false }), {
      shapes: { x: [batch, 2, 5] },
      reference: ({ x }) => layerNormReference(x!, 5, 1e-5)
    })
    expectLayerOf(runtime, layerNorm({ scale: false }), {
      shapes: { x: [batch, 5], beta: [5] },
      reference: ({ x, beta }) => layerNormReference(x!, 5, 1e-5, undefined, beta)
    })
  })

  it('is what the open operations make of its formula', () => {
    expectOperation(runtime, {
      shapes: { x: [batch, 2, 6], gamma: [6], beta: [6] },
      apply({ x, gamma, beta }) {
        const over = { axes: -1, keepDimensions: true }
        const centered = ops.subtract(x!, ops.mean(x!, over))
        const variance = ops.mean(ops.square(centered), over)
        return ops.add(ops.multiply(ops.divide(centered, ops.sqrt(ops.add(variance, 1e-5))), gamma!), beta!)
      },
      reference: ({ x, gamma, beta }) => layerNormReference(x!, 6, 1e-5, gamma, beta)
    })
  })
})

describe.each(modelBackends)('a model with layerNorm on %s', (backend) => {
  it('trains gamma and beta, and predicts a row alone as in a batch', async () => {
    const net = createModel(sequential(linear(5), layerNorm(), linear(1)), { input: [3], seed: 2, backend })
    expect(Object.keys(net.parameters)).toEqual(['0.weight', '0.bias', '1.gamma', '1.beta', '2.weight', '2.bias'])
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
    const x = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i))
    await trainer.step({ x, y: Float32Array.of(1, 2, 3, 4) })
    expect([...net.parameters['1.gamma']!.data].some((value) => value !== 1)).toBe(true)
    expect([...net.parameters['1.beta']!.data].some((value) => value !== 0)).toBe(true)
    const all = await net.predict(x)
    expect((await net.predict(x.subarray(3, 6))).data[0]).toBe(all.data[1])
    net.dispose()
  })
})

describe('layerNorm', () => {
  it('refuses what does not fit', () => {
    expect(thrown(() => layerNorm({ dimensions: 0 })).message).toMatchInlineSnapshot(
      `"layerNorm: expected dimensions to be an integer at least 1, got 0"`
    )
    expect(thrown(() => layerNorm({ epsilon: -1 })).message).toMatchInlineSnapshot(
      `"layerNorm: expected epsilon to be a finite number at least 0, got -1"`
    )
    expect(thrown(() => layerNorm({ eps: 1 } as object)).message).toMatchInlineSnapshot(
      `"layerNorm: expected only the options dimensions, epsilon, scale, center, name, got 'eps'. Did you mean epsilon?"`
    )
    expect(thrown(() => createModel(layerNorm({ dimensions: 2 }), { input: [3] }).summary()).message).toMatchInlineSnapshot(
      `"layerNorm in layer '': expected an input with 2 dimensions of fixed sizes beside the batch, got [batch, 3]"`
    )
  })
})
