import { describe, expect, it } from 'vitest'
import { elu, gelu, selu, silu } from '../../lib/layers/activations.js'
import { layerFromJSON, layerToJSON } from '../../lib/layers/architecture.js'
import { batchNorm } from '../../lib/layers/batch-norm.js'
import { dropout } from '../../lib/layers/dropout.js'
import { embedding } from '../../lib/layers/embedding.js'
import { heNormal } from '../../lib/layers/initializers.js'
import { layerNorm } from '../../lib/layers/layer-norm.js'
import { linear } from '../../lib/layers/linear.js'
import { layerOf } from '../../lib/layers/make-layer.js'
import { sequential } from '../../lib/layers/sequential.js'
import { softmax } from '../../lib/layers/softmax.js'
import { weightNorm } from '../../lib/layers/weight-norm.js'
import { describeModel } from '../../lib/programs/index.js'

describe('an architecture', () => {
  it('comes back from JSON as it was', () => {
    const root = sequential(
      weightNorm(linear(4, { weightInitializer: heNormal(), name: 'first' })),
      batchNorm({ decay: 0.99 }),
      dropout(0.3),
      layerNorm({ dimensions: 2, epsilon: 1e-3, center: false }),
      gelu({ approximate: 'tanh' }),
      silu({ name: 'swish' }),
      elu({ alpha: 0.5 }),
      selu(),
      softmax({ axis: 1 }),
      embedding(5, 2)
    )
    const json = layerToJSON(root)
    expect(layerToJSON(layerFromJSON(JSON.parse(JSON.stringify(json))))).toEqual(json)
  })

  it('keeps the options of a custom layer whole', () => {
    const pool = layerOf('pool', undefined, { window: { kind: 'max', size: 2 } }, (_context, x) => x)
    expect(layerToJSON(pool)).toEqual({ kind: 'pool', options: { window: { kind: 'max', size: 2 } } })
  })

  it('refuses an unknown kind, and says how to give it', () => {
    expect(() => layerFromJSON({ kind: 'attention' })).toThrowErrorMatchingInlineSnapshot(
      `[FileFormatError: loadModel: expected layers of a known kind, got 'attention'. Give what defineLayer gave for it, loadModel(path, { layers: [attention] }), or a factory, { layers: { attention: (options, name, layers) => ... } }]`
    )
  })
})

describe('weightNorm', () => {
  it('passes on what the wrapped layer says of its other parameters', () => {
    const zeros = { kind: 'zeros', options: {}, fill: () => {} }
    const layer = layerOf('scaled', undefined, {}, (context, x) => {
      context.parameter('weight', [4, 3], zeros)
      context.parameter('u', [4, 3], zeros)
      context.parameter('s', [4], zeros, 'u')
      return x
    })
    const { parameters } = describeModel(weightNorm(layer), [3])
    expect(parameters.map(({ name, normOf }) => [name, normOf])).toEqual([
      ['v', undefined],
      ['g', 'v'],
      ['u', undefined],
      ['s', 'u']
    ])
  })
})
