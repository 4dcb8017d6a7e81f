/**
 * Layers and losses as users write them: of the library this file imports its two public entries alone.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import {
  batchNorm,
  createModel,
  defineLayer,
  defineLoss,
  flatten,
  glorotUniform,
  type Layer,
  linear,
  loadModel,
  type Model,
  meanSquaredError,
  ones,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  tanh,
  zeros
} from '../lib/index.js'
import * as ops from '../lib/ops/index.js'
import { modelBackends, thrown, toyData } from './helpers/models.js'
import { testRandom } from './helpers/random.js'
import { attentionReference } from './reference/attention.js'
import { descend, type Numbers } from './reference/descent.js'
import { logSoftmaxReference } from './reference/softmax.js'

const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-outside-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Ioffe & Szegedy 2015, algorithms 1 and 2, channels last. */
const ownBatchNorm = defineLayer({
  kind: 'ownBatchNorm',
  defaults: { decay: 0.9, epsilon: 1e-5 },
  apply(context, x, { decay, epsilon }) {
    const channels = x.shape.at(-1) as number
    const gamma = context.parameter('gamma', [channels], ones())
    const beta = context.parameter('beta', [channels], zeros())
    const runningMean = context.buffer('runningMean', [channels], 0)
    const runningVariance = context.buffer('runningVariance', [channels], 1)
    const normalize = (mean: ops.Value, variance: ops.Value): ops.Value =>
      ops.add(ops.multiply(ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(variance, epsilon))), gamma), beta)
    if (!context.training) return normalize(runningMean, runningVariance)
    const axes = [...x.shape.keys()].slice(0, -1)
    const mean = ops.mean(x, { axes })
    const variance = ops.mean(ops.square(ops.subtract(x, mean)), { axes })
    const count = ops.sum(ops.fullLike(x, 1), { axes })
    const unbiased = ops.multiply(variance, ops.divide(count, ops.subtract(count, 1)))
    const towards = (running: ops.Value, batch: ops.Value): void =>
      ops.assign(running, ops.add(running, ops.multiply(ops.subtract(batch, running), 1 - decay)))
    towards(runningMean, mean)
    towards(runningVariance, unbiased)
    return normalize(mean, variance)
  }
})

/** Vaswani et al. 2017, "Attention is all you need": x + attention(x), x [batch, time, features]. */
const ownAttention = defineLayer<{ heads: number }>({
  kind: 'ownAttention',
  defaults: { heads: undefined },
  apply(context, x, { heads }) {
    const [, time, features] = x.shape as [ops.Dimension, number, number]
    const size = features / heads
    const project = (name: string, value: ops.Value): ops.Value =>
      ops.matmul(value, context.parameter(name, [features, features], glorotUniform()), { transposeB: true })
    const split = (value: ops.Value): ops.Value => ops.transpose(ops.reshape(value, [-1, time, heads, size]), [0, 2, 1, 3])
    const [q, k, v] = ['query', 'key', 'value'].map((name) => split(project(name, x))) as [ops.Value, ops.Value, ops.Value]
    const scores = ops.multiply(ops.matmul(q, k, { transposeB: true }), 1 / Math.sqrt(size))
    const mixed = ops.transpose(ops.matmul(ops.softmax(scores), v), [0, 2, 1, 3])
    return ops.add(x, project('output', ops.reshape(mixed, [-1, time, features])))
  }
})

/** Lin et al. 2017, "Focal loss for dense object detection": −(1 − p)² log p of the label's class. */
const focal = defineLoss({
  kind: 'focal',
  target: 'classes',
  apply(logits, labels) {
    const logs = ops.sum(ops.multiply(ops.oneHot(labels, logits.shape[1] as number), ops.logSoftmax(logits)), { axes: -1 })
    return ops.multiply(ops.negate(logs), ops.square(ops.subtract(1, ops.exp(logs))))
  }
})

/** Float64 copies of a model's parameters. */
function widen(net: Model): Numbers {
  return Object.fromEntries(Object.entries(net.parameters).map(([name, { data }]) => [name, Float64Array.from(data)]))
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a, (value, index) => Math.abs(value - b[index]!)).reduce((most, value) => Math.max(most, value), 0)
}

describe('this file', () => {
  it('imports nothing else of the library', () => {
    const lines = readFileSync(fileURLToPath(import.meta.url), 'utf8').matchAll(/from '(\.\.\/[^']+)'/g)
    expect(new Set([...lines].map(([, from]) => from))).toEqual(new Set(['../lib/index.js', '../lib/ops/index.js']))
  })
})

describe.each(modelBackends)('written from outside, on %s', (backend) => {
  it.each([
    ['vectors', [4], (norm: Layer) => sequential(linear(8), norm, tanh(), linear(3))],
    ['sequences', [5, 4], (norm: Layer) => sequential(linear(6), norm, tanh(), flatten(), linear(3))]
  ] as const)('batch normalization of %s trains as the built-in one', async (_what, input, network) => {
    const [own, built] = [ownBatchNorm({ decay: 0.8, name: 'norm' }), batchNorm({ decay: 0.8, name: 'norm' })].map((norm) =>
      createModel(network(norm), { input, seed: 3, backend })
    ) as [Model, Model]
    const [steps, rate, rows] = [10, 0.1, 16]
    const elements = rows * input.reduce((product, size) => product * size, 1)
    for (const net of [own, built]) {
      const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: rate }) })
      const random = testRandom(4)
      for (let step = 0; step < steps; step++)
        await trainer.step({ x: random.array(elements, 2, 0.5), y: Int32Array.from({ length: rows }, () => random.integer(3)) })
    }
    // A gradient here is a sum of at most 80 · 8 terms of at most 1, each off by some 16 roundings: 2⁻²⁴ · 16 · √640 for
    // independent ones; a step adds rate times it, and ten steps at most triple what the earlier ones brought.
    const bound = 3 * steps * rate * 16 * Math.sqrt(640) * 2 ** -24
    for (const [name, { data }] of Object.entries(built.parameters))
      expect(largestDifference(own.parameters[name]!.data, data), name).toBeLessThan(bound)
    for (const name of ['norm.runningMean', 'norm.runningVariance'])
      expect(largestDifference(own.buffers[name]!.data, built.buffers[name]!.data), name).toBeLessThan(10 * bound)
    expect(own.buffers['norm.runningMean']!.data.some((value) => Math.abs(value) > 0.05)).toBe(true)
    const x = testRandom(6).array((elements / rows) * 7)
    expect(largestDifference(own.predictSync(x).data, built.predictSync(x).data)).toBeLessThan(20 * bound)
    // And a predictor, which folds what the library knows and leaves this one whole, agrees with its model.
    const predictor = own.predictor()
    expect(largestDifference((await predictor.predict(x)).data, own.predictSync(x).data)).toBeLessThan(1e-6)
    predictor.dispose()

    const file = path.join(folder, `${backend}-norm.safetensors`)
    await own.save(file)
    const again = await loadModel(file, { backend, layers: [ownBatchNorm] })
    expect(again.predictSync(x)).toEqual(own.predictSync(x))
    for (const net of [own, built, again]) net.dispose()
  })

  it('an attention block trains as float64 does', async () => {
    const [time, features, heads, rows, steps, rate] = [3, 4, 2, 5, 4, 0.2]
    const root = sequential(ownAttention({ heads, name: 'mix' }), flatten(), linear(2, { name: 'head' }))
    const net = createModel(root, { input: [time, features], seed: 11, backend })
    const random = testRandom(12)
    const batches = Array.from({ length: steps }, () => ({ x: random.array(rows * time * features), y: random.array(rows * 2) }))
    const numbers = widen(net)
    const forward = (x: Float32Array, row: number): number[] => {
      const at = (t: number): number[] => [...x.subarray((row * time + t) * features, (row * time + t + 1) * features)]
      const weights = {
        query: numbers['mix.query']!,
        key: numbers['mix.key']!,
        value: numbers['mix.value']!,
        output: numbers['mix.output']!
      }
      const flat = attentionReference([at(0), at(1), at(2)], weights, heads).flat()
      const [weight, bias] = [numbers['head.weight']!, numbers['head.bias']!]
      return [0, 1].map((o) => flat.reduce((sum, value, i) => sum + value * weight[o * flat.length + i]!, bias[o]!))
    }
    const loss = (step: number): number => {
      const { x, y } = batches[step]!
      let sum = 0
      for (let row = 0; row < rows; row++) for (const [o, value] of forward(x, row).entries()) sum += (value - y[row * 2 + o]!) ** 2 / 2
      return sum / rows
    }
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: rate }) })
    const losses: number[] = []
    for (const batch of batches) losses.push((await trainer.step(batch)).loss)
    const expected = descend(numbers, loss, rate, steps)
    // Losses and gradients near 1 to 10, of some hundred roundings each, over four steps.
    expect(largestDifference(losses, expected)).toBeLessThan(2e-5)
    for (const [name, { data }] of Object.entries(net.parameters)) expect(largestDifference(data, numbers[name]!), name).toBeLessThan(2e-5)
    const x = batches[0]!.x
    expect(largestDifference((await net.predict(x)).data, Array.from({ length: rows }, (_, row) => forward(x, row)).flat())).toBeLessThan(
      5e-5
    )

    const file = path.join(folder, `${backend}-attention.safetensors`)
    await net.save(file)
    const again = await loadModel(file, { backend, layers: [ownAttention] })
    expect(await again.predict(x)).toEqual(await net.predict(x))
    for (const model of [net, again]) model.dispose()
  })

  it('a focal loss trains as float64 does, and lowers the loss over a fit', async () => {
    const [classes, steps, rate, rows] = [3, 5, 0.5, 20]
    const net = createModel(linear(classes), { input: [4], seed: 13, backend })
    const { x, y } = toyData(rows)
    const numbers = widen(net)
    const loss = (): number => {
      let sum = 0
      for (let row = 0; row < rows; row++) {
        const logits = Array.from({ length: classes }, (_, c) =>
          [0, 1, 2, 3].reduce((dot, i) => dot + x[row * 4 + i]! * numbers.weight![c * 4 + i]!, numbers.bias![c]!)
        )
        const log = logSoftmaxReference(logits)[y[row]!]!
        sum -= (1 - Math.exp(log)) ** 2 * log
      }
      return sum / rows
    }
    const trainer = net.trainer({ loss: focal, optimizer: sgd({ learningRate: rate }) })
    const losses: number[] = []
    for (let step = 0; step < steps; step++) losses.push((await trainer.step({ x, y })).loss)
    expect(largestDifference(losses, descend(numbers, loss, rate, steps))).toBeLessThan(5e-6)
    for (const [name, { data }] of Object.entries(net.parameters)) expect(largestDifference(data, numbers[name]!), name).toBeLessThan(5e-6)
    const { loss: evaluated } = await net.evaluate({ x, y }, { loss: focal })
    expect(Math.abs(evaluated! - loss())).toBeLessThan(5e-6)
    const data = toyData(100)
    const history = await trainer.fit(data, { epochs: 10, batchSize: 20 })
    expect(history.epochs.at(-1)!.loss).toBeLessThan(history.epochs[0]!.loss / 2)
    net.dispose()
  })

  it('a plain function is a loss over values', async () => {
    const make = (): Model => createModel(sequential(linear(5), relu(), linear(2)), { input: [3], seed: 2, backend })
    const [own, built] = [make(), make()]
    const [x, y] = [testRandom(1).array(30), testRandom(2).array(20)]
    const squared = (prediction: ops.Value, target: ops.Value): ops.Value =>
      ops.mean(ops.square(ops.subtract(prediction, target)), { axes: -1 })
    const first = own.trainer({ loss: squared, optimizer: sgd({ learningRate: 0.1 }) })
    const second = built.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
    for (let step = 0; step < 5; step++) expect((await first.step({ x, y })).loss).toBeCloseTo((await second.step({ x, y })).loss, 5)
    const evaluation = await own.evaluate({ x, y }, { loss: squared })
    expect(evaluation.loss).toBeCloseTo((await built.evaluate({ x, y }, { loss: meanSquaredError() })).loss!, 5)
    for (const net of [own, built]) net.dispose()
  })
})

describe('defineLoss', () => {
  const apply = (prediction: ops.Value): ops.Value => prediction
  const step = (loss: unknown): unknown => {
    const net = createModel(linear(2), { input: [3], seed: 2, backend: 'portable' })
    return net.trainer({ loss: loss as never, optimizer: sgd({ learningRate: 0.1 }) }).stepSync({ x: [[1, 2, 3]], y: [[1, 2]] })
  }

  it.each<[string, () => unknown]>([
    ['no kind', () => defineLoss({ apply } as never)],
    ['no function', () => defineLoss({ kind: 'own' } as never)],
    ['an unknown target', () => defineLoss({ kind: 'own', target: 'class' as never, apply })],
    ['another option', () => defineLoss({ kind: 'own', weight: 2, apply } as never)],
    ['a loss that was not called', () => step(softmaxCrossEntropy)],
    ['a loss of another shape', () => step(defineLoss({ kind: 'own', apply }))],
    ['a loss that gives nothing', () => step((_prediction: unknown, _target: unknown) => undefined)]
  ])('refuses %s', (_what, act) => {
    const error = thrown(act)
    expect(`${error.name} ${error.code}: ${error.message}`).toMatchSnapshot()
  })
})
