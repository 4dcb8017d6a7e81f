import { describe, expect, it } from 'vitest'
import { createModel, elu, gelu, type Layer, linear, selu, sequential, silu, softmax } from '../../lib/index.js'
import { expectLayerOf } from '../helpers/layers.js'
import { modelBackends, thrown } from '../helpers/models.js'
import { batch } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { erfReference, unaryReference } from '../reference/elementwise.js'

const tanhGelu = (x: number): number => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
const plain: readonly (readonly [string, Layer, (x: number) => number])[] = [
  ['gelu', gelu(), (x) => (x / 2) * (1 + erfReference(x / Math.SQRT2))],
  ["gelu by 'tanh'", gelu({ approximate: 'tanh' }), tanhGelu],
  ['silu', silu(), (x) => x / (1 + Math.exp(-x))],
  ['elu', elu(), (x) => unaryReference.elu!(x, 1)],
  ['elu of another alpha', elu({ alpha: 0.3 }), (x) => unaryReference.elu!(x, 0.3)],
  ['selu', selu(), (x) => 1.0507009873554805 * unaryReference.elu!(x, 1.6732632423543772)]
]

function softmaxReference(x: ArrayLike<number>, outer: number, size: number, inner: number): number[] {
  const y = new Array<number>(x.length)
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      const at = Array.from({ length: size }, (_, k) => (o * size + k) * inner + i)
      const total = at.reduce((sum, index) => sum + Math.exp(x[index]!), 0)
      for (const index of at) y[index] = Math.exp(x[index]!) / total
    }
  return y
}

describe.each(runtimes)('activation layers on $name', ({ runtime }) => {
  it.each(plain)('%s is its formula, with the gradient', (_name, layer, formula) => {
    const random = {
      shapes: { x: [batch, 3, 7] },
      reference: ({ x }: Record<string, ArrayLike<number>>) => Array.from(x!, (value) => formula(value))
    }
    expectLayerOf(runtime, layer, random)
    const values = { x: Float32Array.from({ length: 63 }, (_, i) => (i - 31) / 3.9) }
    expectLayerOf(runtime, layer, { ...random, values })
  })

  it('softmax sums to 1 along its axis, with the gradient', () => {
    expectLayerOf(runtime, softmax(), { shapes: { x: [batch, 5] }, reference: ({ x }) => softmaxReference(x!, 3, 5, 1) })
    expectLayerOf(runtime, softmax({ axis: 1 }), { shapes: { x: [batch, 4, 5] }, reference: ({ x }) => softmaxReference(x!, 3, 4, 5) })
  })
})

describe('activation layers', () => {
  it.each(modelBackends)('are parts of a model on %s', async (backend) => {
    const root = sequential(
      linear(8),
      gelu(),
      linear(8),
      gelu({ approximate: 'tanh' }),
      silu(),
      elu({ alpha: 0.5 }),
      selu(),
      linear(3),
      softmax()
    )
    const net = createModel(root, { input: [2], seed: 3, backend })
    const { data, shape } = await net.predict([
      [1, 2],
      [-3, 4]
    ])
    expect(shape).toEqual([2, 3])
    expect(data[0]! + data[1]! + data[2]!).toBeCloseTo(1, 6)
    net.dispose()
  })

  it('refuse options that do not fit', () => {
    expect(thrown(() => gelu({ approximate: 'tan' as never })).message).toMatchInlineSnapshot(
      `"gelu: expected approximate to be 'none' or 'tanh', got 'tan'. Did you mean 'tanh'?"`
    )
    expect(thrown(() => gelu({ approx: 'tanh' } as object)).message).toMatchInlineSnapshot(
      `"gelu: expected only the options approximate, name, got 'approx'. Did you mean approximate?"`
    )
    expect(thrown(() => elu({ alpha: -1 })).message).toMatchInlineSnapshot(
      `"elu: expected alpha to be a finite number at least 0 and at most 3.4e+38, got -1"`
    )
    expect(thrown(() => softmax({ axis: 0 })).message).toMatchInlineSnapshot(
      `"softmax: expected an axis other than 0, which is the batch, got 0"`
    )
    expect(thrown(() => createModel(softmax({ axis: 2 }), { input: [3] }).summary()).message).toMatchInlineSnapshot(
      `"softmax in layer '': expected an input with a dimension 2 beside the batch, got [batch, 3]"`
    )
  })
})
