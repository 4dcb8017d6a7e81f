import { describe, expect, it } from 'vitest'
import { batchNorm, createModel, linear, relu, ShapeError, sequential, weightNorm } from '../../lib/index.js'
import * as ops from '../../lib/ops/index.js'
import { modelBackends, thrown } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

/** y = x · wᵀ + b in float64. */
function affine(x: readonly number[], weight: Float32Array, bias: Float32Array): number[] {
  return Array.from(bias, (b, output) => x.reduce((sum, value, i) => sum + value * weight[output * x.length + i]!, b))
}

const rowsOf = (data: Float32Array, size: number): number[][] =>
  Array.from({ length: data.length / size }, (_, row) => [...data.subarray(row * size, (row + 1) * size)])

describe.each(modelBackends)('a model function on %s', (backend) => {
  const random = testRandom(4)
  const left = random.array(7 * 3)
  const right = random.array(7 * 3)

  it('applies a shared layer with one set of parameters, and gives outputs by name', async () => {
    const tower = sequential(linear(5, { name: 'tower' }), relu())
    const head = linear(1)
    const net = createModel(
      ({ a, b }) => {
        const [ha, hb] = [tower(a), tower(b)]
        return { score: head(ops.concat([ha, hb], 1)), distance: ops.sum(ops.abs(ops.subtract(ha, hb)), { axes: 1, keepDimensions: true }) }
      },
      { input: { a: [3], b: [3] }, seed: 1, backend }
    )
    expect(Object.keys(net.parameters)).toEqual(['0.tower.weight', '0.tower.bias', '1.weight', '1.bias'])
    const outputs = await net.predict({ a: left, b: right })
    expect(outputs.score.shape).toEqual([7, 1])
    const p = (name: string): Float32Array => net.parameters[name]!.data
    p('0.tower.bias').set([0.1, -0.2, 0.3, 0, 0.5])
    const again = net.predictSync({ a: left, b: right })
    const hidden = (x: number[]) => affine(x, p('0.tower.weight'), p('0.tower.bias')).map((v) => Math.max(0, v))
    const [as, bs] = [rowsOf(left, 3).map(hidden), rowsOf(right, 3).map(hidden)]
    for (let row = 0; row < 7; row++) {
      const score = affine([...as[row]!, ...bs[row]!], p('1.weight'), p('1.bias'))[0]!
      const distance = as[row]!.reduce((sum, value, i) => sum + Math.abs(value - bs[row]![i]!), 0)
      // Sums of at most ten terms near 1: 10 · 2⁻²⁴ each.
      expect(Math.abs(again.score.data[row]! - score)).toBeLessThan(2e-6)
      expect(Math.abs(again.distance.data[row]! - distance)).toBeLessThan(2e-6)
    }
    const predictor = net.predictor({ maxBatch: 4 })
    expect((await predictor.predict({ a: left, b: right })).distance.data).toEqual(again.distance.data)
    expect(predictor.predictSync({ a: left, b: right })).toEqual(again)
  })

  it('folds in a predictor as in layers, the same bits as the model', () => {
    const make = (root: 'layers' | 'function') => {
      const layers = () => [weightNorm(linear(6)), batchNorm(), relu(), linear(2)] as const
      if (root === 'layers') return createModel(sequential(...layers()), { input: [3], seed: 5, backend })
      return createModel((x) => layers().reduce((value, layer) => layer(value), x), { input: [3], seed: 5, backend })
    }
    const [layers, written] = [make('layers'), make('function')]
    expect(Object.keys(written.parameters)).toEqual(Object.keys(layers.parameters))
    expect(written.predictSync(left)).toEqual(layers.predictSync(left))
    expect(written.predictor().predictSync(left)).toEqual(layers.predictor().predictSync(left))
    expect(written.summary()).toBe(layers.summary())
  })
})

describe('a model function that is none', () => {
  const message = (body: () => unknown): string => thrown(body).message
  const input = { a: [3], b: [3] } as const

  it('says what was expected', () => {
    const layer = linear(2)
    let kept: ops.Value | undefined
    createModel((x) => (kept = layer(x)), { input: [3] })
    const cases = {
      'a layer for two inputs': () => createModel(layer, { input }),
      'no return': () => createModel((() => {}) as never, { input }),
      'a promise': () => createModel((async () => {}) as never, { input }),
      'no outputs': () => createModel(() => ({}), { input }),
      'an output that is a number': () => createModel(() => ({ y: 3 }) as never, { input }),
      'an output without the batch': () => createModel(({ a }) => ops.sum(a), { input }),
      'two layers of a name': () =>
        createModel(({ a, b }) => ({ a: linear(2, { name: 'h' })(a), b: linear(2, { name: 'h' })(b) }), { input }),
      'a shared layer of two sizes': () => createModel(({ a, b }) => ({ a: layer(a), b: layer(b) }), { input: { a: [3], b: [4] } }),
      'the same layer twice in a sequential': () => createModel(sequential(layer, layer), { input: [2] }),
      'a value of another call': () => layer(kept!),
      'numbers for a value': () => layer([1, 2, 3] as never),
      'a factory that is called with a value': () => createModel((x) => (relu as never as (x: ops.Value) => ops.Value)(x), { input: [3] }),
      'an input with a dot': () => createModel(({ 'a.b': a }) => layer(a), { input: { 'a.b': [3] } }),
      'an output that is a number by name': () => createModel((x) => ({ 1: layer(x) }), { input: [3] }),
      'no inputs': () => createModel(() => kept!, { input: {} }),
      'an input of no shape': () => createModel(({ a }) => layer(a), { input: { a: { scale: 2 } as never } }),
      'a scaled input of whole numbers': () => createModel((x) => layer(x), { input: { shape: [3], dtype: 'int32', scale: 2 } }),
      'another dtype': () => createModel((x) => layer(x), { input: { shape: [3], dtype: 'int8' as never } })
    }
    expect(Object.fromEntries(Object.entries(cases).map(([name, body]) => [name, message(body)]))).toMatchInlineSnapshot(`
      {
        "a factory that is called with a value": "relu: expected an options object, got a value of a model. A layer is made first and then applied: relu()(x)",
        "a layer for two inputs": "createModel: expected a model function for the inputs a, b, got a linear layer. A layer takes one value: createModel(({ a, b }) => ..., { input })",
        "a promise": "createModel: expected a model function that returns a value, or an object of values by name, got a Promise",
        "a scaled input of whole numbers": "createModel: expected input of int32 without scale and shift, got 2. Whole numbers are read as they are",
        "a shared layer of two sizes": "createModel: expected inputs of one size wherever the layer '0' is applied, got '0.weight' of shape [2, 3] and of [2, 4]",
        "a value of another call": "linear: expected a value of the model function that runs, got a value of a model. Values do not outlive the call that made them",
        "an input of no shape": "createModel: expected input.a.shape to be a shape, got undefined. Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }, or several of these by name",
        "an input with a dot": "createModel, input: expected a name without dots, stars and spaces that is not a number, got 'a.b'. Numbers are the positions of layers without a name",
        "an output that is a number": "createModel: expected the output y to be a value, got 3",
        "an output that is a number by name": "createModel, output: expected a name without dots, stars and spaces that is not a number, got '1'. Numbers are the positions of layers without a name",
        "an output without the batch": "createModel: expected the output to have the shape [batch, ...], got [1]",
        "another dtype": "createModel: expected input.dtype to be 'float32' or 'int32', got 'int8'",
        "no inputs": "createModel: expected input.shape to be a shape, got undefined. Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }, or several of these by name",
        "no outputs": "createModel: expected a model function that returns a value, or an object of values by name, got an object. It has no names",
        "no return": "createModel: expected a model function that returns a value, or an object of values by name, got undefined. Give it a return",
        "numbers for a value": "linear: expected a value of a model, got [1, 2, 3]. Layers are called inside a model function; net.predict(x) takes numbers",
        "the same layer twice in a sequential": "createModel: expected each layer with parameters at one place, got the same one at '0' and '1'. Make a layer for each; a model function can share one",
        "two layers of a name": "createModel: expected every parameter to have a name of its own, got 'h.weight' twice. Give one of the layers another name",
      }
    `)
    expect(thrown(cases['an output without the batch'])).toBeInstanceOf(ShapeError)
  })

  it('refuses data that do not have the names, rows or kind of the inputs', () => {
    const net = createModel(({ a, ids }) => ops.concat([a, ops.oneHot(ids, 4)], 1), {
      input: { a: [3], ids: { shape: [], dtype: 'int32' } },
      backend: 'portable'
    })
    const a = new Float32Array(6)
    const cases = {
      'no names': () => net.predictSync(a as never),
      'a name missing': () => net.predictSync({ a } as never),
      'a name too many': () => net.predictSync({ a, ids: [1, 2], aa: a } as never),
      'other rows': () => net.predictSync({ a, ids: [1, 2, 3] }),
      'floats for whole numbers': () => net.predictSync({ a, ids: Float32Array.of(1, 2) }),
      'a fraction for a whole number': () => net.predictSync({ a, ids: [1, 2.5] }),
      'a whole number of more bits': () => net.predictSync({ a, ids: [1, 2 ** 31] })
    }
    expect(Object.fromEntries(Object.entries(cases).map(([name, body]) => [name, message(body)]))).toMatchInlineSnapshot(`
      {
        "a fraction for a whole number": "Model.predictSync: expected x.ids to hold whole numbers of 32 bits, got element 1 = 2.5",
        "a name missing": "Model.predictSync: expected x to be { a, ids }, got one without ids",
        "a name too many": "Model.predictSync: expected x to be { a, ids }, got 'aa'. Did you mean a?",
        "a whole number of more bits": "Model.predictSync: expected x.ids to hold whole numbers of 32 bits, got element 1 = 2147483648",
        "floats for whole numbers": "Model.predictSync: expected x.ids to hold whole numbers, got Float32Array(2). Int32Array.from(...) makes them",
        "no names": "Model.predictSync: expected x to be { a, ids }, got Float32Array(6). Give the data by name",
        "other rows": "Model.predictSync: expected x.ids to have 2 rows as x.a has, got 3",
      }
    `)
    const expected = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    for (const ids of [Int32Array.of(1, 3), [1, 3], Uint8Array.of(1, 3), [[1], [3]].flat()])
      expect([...net.predictSync({ a, ids }).data]).toEqual(expected)
  })
})
