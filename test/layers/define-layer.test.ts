import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  constant,
  createModel,
  defineLayer,
  dropout,
  type Layer,
  type LayerContext,
  linear,
  loadModel,
  meanSquaredError,
  relu,
  sequential,
  sgd,
  weightNorm,
  zeros
} from '../../lib/index.js'
import { add, addBias, assign, fullLike, matmul, mean, multiply, sum, type Value } from '../../lib/ops/index.js'
import { modelBackends, numbersOf, rejection, thrown } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-layers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = path.join(folder, 'model.safetensors')

/** The built-in linear layer from outside. */
const dense = defineLayer<{ units: number; bias: boolean; weights: ReturnType<typeof constant> }>({
  kind: 'dense',
  defaults: { units: undefined, bias: true, weights: constant(0.25) },
  check({ units }) {
    if (units < 1) throw new RangeError('dense: expected units of at least 1')
  },
  apply(context, x, { units, bias, weights }) {
    const product = matmul(x, context.parameter('weight', [units, x.shape.at(-1) as number], weights), { transposeB: true })
    return bias ? addBias(product, context.parameter('bias', [units], zeros())) : product
  }
})

const residual = defineLayer({
  kind: 'residual',
  apply: (context, x, _options, [inner]) => add(x, context.child('inner', inner!, x))
})

/** Remembers the mean of the last batch it trained on, and what it held before. */
const memory = defineLayer({
  kind: 'memory',
  apply(context, x) {
    const last = context.buffer('last', [3], 0)
    const before = context.buffer('before', [3], 7)
    if (context.training) {
      assign(before, last)
      assign(last, mean(x, { axes: 0 }))
    }
    return x
  }
})

describe.each(modelBackends)('layers of one own on %s', (backend) => {
  it('has its parameters, in files too, beside those of the library', async () => {
    const root = sequential(
      dense({ units: 4, name: 'first' }),
      relu(),
      residual({}, linear(4, { name: 'deep' })),
      weightNorm(dense({ units: 2, bias: false }))
    )
    const net = createModel(root, { input: [3], seed: 5, backend })
    expect(Object.keys(net.parameters)).toEqual(['first.weight', 'first.bias', '2.inner.weight', '2.inner.bias', '3.v', '3.g'])
    expect(new Set(net.parameters['first.weight']!.data)).toEqual(new Set([0.25]))
    await net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.01 }) }).step({ x: [[1, 2, 3]], y: [[1, 0]] })
    await net.save(file)
    for (const layers of [[dense, residual], { dense, residual: residual.fromJSON }]) {
      const again = await loadModel(file, { layers, backend })
      expect(numbersOf(again)).toEqual(numbersOf(net))
      expect(again.predictSync([[1, -2, 3]])).toEqual(net.predictSync([[1, -2, 3]]))
      expect(again.summary()).toBe(net.summary())
      again.dispose()
    }
    const error = await rejection(loadModel(file, { layers: [residual] }))
    expect(error).toMatchObject({ name: 'FileFormatError', code: 'EVENKEEL_UNKNOWN_LAYER' })
    net.dispose()
  })

  it('drops the elements that the layer dropout drops', async () => {
    const dropped = defineLayer({ kind: 'dropped', apply: (context, x) => context.dropout(x, 0.5) })
    const last = (): Layer => linear(1, { weightInitializer: constant(1) })
    const [own, built] = [dropped(), dropout(0.5)].map((layer) => createModel(sequential(layer, last()), { input: [64], seed: 9, backend }))
    for (const net of [own!, built!]) {
      const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.01 }) })
      for (let step = 0; step < 3; step++) await trainer.step({ x: testRandom(step).array(640), y: new Float32Array(10) })
    }
    expect(numbersOf(own!)).toEqual(numbersOf(built!))
    expect(own!.predictSync(new Float32Array(64).fill(1))).toEqual(built!.predictSync(new Float32Array(64).fill(1)))
  })

  it('updates buffers when a step is committed, and not when one is refused', async () => {
    const net = createModel(sequential(memory({ name: 'm' }), linear(1)), { input: [3], seed: 1, backend })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.001 }) })
    const held = (): number[][] => [[...net.buffers['m.last']!.data], [...net.buffers['m.before']!.data]]
    expect(held()).toEqual([
      [0, 0, 0],
      [7, 7, 7]
    ])
    await trainer.step({
      x: [
        [1, 2, 3],
        [3, 4, 5]
      ],
      y: [[0], [0]]
    })
    expect(held()).toEqual([
      [2, 3, 4],
      [0, 0, 0]
    ])
    const refused = await rejection(trainer.step({ x: [[1e38, 1, 1]], y: [[-3e38]] }))
    expect(refused.name).toBe('NonFiniteError')
    expect(held()[0]).toEqual([2, 3, 4])
    await trainer.step({ x: [[1, 1, 1]], y: [[0]] })
    await net.evaluate({ x: [[9, 9, 9]], y: [[0]] }, { loss: meanSquaredError() })
    expect(held()).toEqual([
      [1, 1, 1],
      [2, 3, 4]
    ])
  })

  it('gives a predictor the batch that it has, and not the one that its constants were made with', async () => {
    const counting = defineLayer({
      kind: 'counting',
      // x + b·n, with b a parameter and n the number of rows; the product is repeated along the batch before it is added.
      apply(context, x) {
        const shares = multiply(context.parameter('b', [2], constant(0.25)), fullLike(x, 1))
        return add(x, sum(shares, { axes: 0 }))
      }
    })
    const net = createModel(sequential(linear(2), counting(), linear(1)), { input: [3], seed: 1, backend })
    const predictor = net.predictor({ maxBatch: 16 })
    for (const rows of [1, 4, 16]) {
      const x = testRandom(rows).array(rows * 3)
      expect((await predictor.predict(x)).data).toEqual((await net.predict(x)).data)
    }
    const [one, four] = [await net.predict(new Float32Array(3)), await net.predict(new Float32Array(12))]
    expect(one.data[0]).not.toBe(four.data[0])
  })

  it('lets two buffers change places', async () => {
    const swap = defineLayer({
      kind: 'swap',
      apply(context, x) {
        const [a, b] = [context.buffer('a', [2], 1), context.buffer('b', [2], 2)]
        if (context.training) {
          assign(a, b)
          assign(b, a)
        }
        return x
      }
    })
    const net = createModel(sequential(swap(), linear(1)), { input: [2], seed: 1, backend })
    await net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) }).step({ x: [[1, 1]], y: [[0]] })
    expect([...net.buffers['0.a']!.data, ...net.buffers['0.b']!.data]).toEqual([2, 2, 1, 1])
  })

  it('names the layer whose buffer would become NaN', async () => {
    const bad = defineLayer({
      kind: 'bad',
      apply(context, x) {
        if (context.training) assign(context.buffer('huge', [1], 0), sum(x))
        return x
      }
    })
    const net = createModel(sequential(bad({ name: 'here' }), linear(1)), { input: [2], seed: 1, backend })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
    const error = await rejection(trainer.step({ x: [[3e38, 3e38]], y: [[0]] }))
    expect(error).toMatchObject({ name: 'NonFiniteError', layer: 'here' })
    expect(net.buffers['here.huge']!.data[0]).toBe(0)
  })
})

describe('defineLayer', () => {
  const apply = (_context: LayerContext, x: Value): Value => x
  const trace = (layer: Layer): void => createModel(layer, { input: [3], seed: 1, backend: 'portable' }).dispose()

  it.each<[string, () => unknown]>([
    ['no definition', () => defineLayer(undefined as never)],
    ['a definition with another key', () => defineLayer({ kind: 'own', apply, forward: apply } as never)],
    ['no kind', () => defineLayer({ apply } as never)],
    ["the library's kind", () => defineLayer({ kind: 'linear', apply })],
    ['no function', () => defineLayer({ kind: 'own' } as never)],
    ['defaults that name the name', () => defineLayer({ kind: 'own', defaults: { name: 'x' }, apply })],
    ['a missing option', () => dense()],
    ['an unknown option', () => dense({ units: 3, biases: true } as never)],
    ['an option that the layer refuses', () => dense({ units: 0 })],
    ['an option that no file can hold', () => dense({ units: (() => 3) as never })],
    ['a number that no file can hold', () => dense({ units: Number.POSITIVE_INFINITY })],
    ['a nested layer that is none', () => residual({}, relu as never)],
    ['a name with a dot', () => residual({ name: 'a.b' })],
    ['apply that returns nothing', () => trace(defineLayer({ kind: 'own', apply: (() => undefined) as never })({ name: 'empty' }))],
    ['a rate that is none', () => trace(defineLayer({ kind: 'own', apply: (context, x) => context.dropout(x, 2) })({ name: 'wet' }))],
    ['an assignment to a value', () => trace(defineLayer({ kind: 'own', apply: (_context, x) => [assign(x, x), x][1]! })({ name: 'set' }))],
    [
      'an assignment of another shape',
      () =>
        trace(
          defineLayer({
            kind: 'own',
            apply: (context, x) => {
              assign(context.buffer('last', [2], 0), mean(x, { axes: 0 }))
              return x
            }
          })({ name: 'set' })
        )
    ]
  ])('refuses %s', (_what, act) => {
    const error = thrown(act)
    expect(`${error.name} ${error.code ?? ''}: ${error.message}`).toMatchSnapshot()
  })

  it('refuses layers that are none when a model is loaded', async () => {
    for (const layers of [4, [relu], { own: {} }, [null]])
      expect((await rejection(loadModel(file, { layers: layers as never }))).message).toMatch(
        /^loadModel: expected layers to be defined layers, or factories by kind, got/
      )
  })
})

it('keeps a list among its options in the file', async () => {
  const seen: unknown[] = []
  const sized = defineLayer({
    kind: 'sized',
    defaults: { sizes: [1, 2] as readonly number[] },
    apply: (_, x, { sizes }) => {
      seen.push(sizes)
      return x
    }
  })
  const net = createModel(sequential(sized({ sizes: [3, 4] }), linear(1)), { input: [2], seed: 1, backend: 'portable' })
  const again = await loadModel(await net.toBytes(), { layers: [sized], backend: 'portable' })
  expect(seen.at(-1)).toEqual([3, 4])
  expect(again.predictSync([[1, 2]])).toEqual(net.predictSync([[1, 2]]))
})
