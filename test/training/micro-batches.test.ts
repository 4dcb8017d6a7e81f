import { describe, expect, it } from 'vitest'
import {
  adam,
  createModel,
  dropout,
  embedding,
  type FitOptions,
  gelu,
  type Layer,
  type Loss,
  linear,
  meanSquaredError,
  type Optimizer,
  relu,
  type StepRecord,
  sequential,
  sgd,
  softmaxCrossEntropy,
  tanh,
  weightNorm
} from '../../lib/index.js'
import * as ops from '../../lib/ops/index.js'
import { modelBackends, numbersOf, rejection, toyData } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

const classifier = (): Layer => sequential(weightNorm(linear(13)), relu(), dropout(0.4), linear(7), tanh(), dropout(0.2), linear(3))

interface Run {
  readonly layer?: () => Layer
  readonly loss?: Loss
  readonly optimizer?: () => Optimizer
  readonly options: FitOptions
  readonly data?: { x: Float32Array; y: Int32Array | Float32Array }
}

describe.each(modelBackends)('steps in parts on %s', (backend) => {
  const train = async ({ layer = classifier, loss = softmaxCrossEntropy(), optimizer, options, data = toyData(203) }: Run) => {
    const net = createModel(layer(), { input: [data.x.length / data.y.length], seed: 4, backend })
    const steps: StepRecord[] = []
    const trainer = net.trainer({ loss, optimizer: (optimizer ?? (() => sgd({ learningRate: 0.1, momentum: 0.9, clipNorm: 10 })))() })
    const history = await trainer.fit(data, { epochs: 2, onStep: (record) => void steps.push(record), ...options })
    return { net, trainer, steps, history }
  }

  it.each([
    [8, 5],
    [16, 3],
    [5, 7],
    [24, 100],
    [1, 9]
  ])('of %i rows, %i of them, are the steps of the large batch within rounding', async (batchSize, accumulate) => {
    for (const lastBatch of ['balance', 'keep'] as const) {
      const whole = await train({ options: { batchSize: batchSize * accumulate, lastBatch } })
      const parts = await train({ options: { batchSize, accumulate, lastBatch } })
      expect(parts.steps.map(({ rows }) => rows)).toEqual(whole.steps.map(({ rows }) => rows))
      for (const [index, { loss, gradientNorm, learningRate }] of parts.steps.entries()) {
        const expected = whole.steps[index]!
        expect(learningRate).toBe(expected.learningRate)
        // Sums of the same terms in another order: some roundings of 2⁻²⁴ a step, which the steps carry on.
        expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * expected.loss)
        expect(Math.abs(gradientNorm! - expected.gradientNorm!)).toBeLessThan(1e-4 * expected.gradientNorm!)
      }
      const [ours, theirs] = [numbersOf(parts.net), numbersOf(whole.net)]
      for (const [name, values] of Object.entries(theirs))
        for (const [i, value] of values.entries()) expect(Math.abs(ours[name]![i]! - value), name).toBeLessThan(2e-5)
    }
  })

  it('drop the same elements as the large batch', async () => {
    // Rate 0 and a loss that is the row's number of kept elements: exact, so any other element would show.
    const data = { x: new Float32Array(60 * 5).fill(1), y: new Float32Array(60) }
    const layer = () => sequential(dropout(0.5), linear(1, { bias: false }))
    const losses = async (options: FitOptions) => {
      const net = createModel(layer(), { input: [5], seed: 9, backend })
      net.parameters['1.weight']!.data.fill(1)
      const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0 }) })
      const steps: number[] = []
      await trainer.fit(data, { epochs: 3, shuffle: false, onStep: ({ loss }) => void steps.push(loss), ...options })
      return steps
    }
    const whole = await losses({ batchSize: 60 })
    expect(new Set(whole).size).toBe(3)
    for (const [index, loss] of (await losses({ batchSize: 8, accumulate: 8 })).entries()) expect(loss).toBeCloseTo(whole[index]!, 5)
  })

  it('are the same however many of them share a crossing', async () => {
    const options = { batchSize: 8, accumulate: 3, epochs: 3 }
    const one = await train({ options: { ...options, everyStep: true }, optimizer: () => adam() })
    const many = await train({ options, optimizer: () => adam() })
    expect(many.steps).toEqual(one.steps)
    expect(numbersOf(many.net)).toEqual(numbersOf(one.net))
  })

  it('change nothing where one of their rows is refused, and name it', async () => {
    for (const bad of [0, 7, 8, 30, 39, 41, 202]) {
      const data = toyData(203)
      data.x[bad * 4 + 2] = Number.NaN
      const net = createModel(classifier(), { input: [4], seed: 4, backend })
      const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
      const refused = await rejection(trainer.fit(data, { batchSize: 8, accumulate: 5, lastBatch: 'keep', shuffle: false }))
      const step = Math.floor(bad / 40)
      expect(refused).toMatchObject({ code: 'EVENKEEL_NON_FINITE', layer: 'x', step })
      expect(refused.message).toContain(`row ${bad},`)
      expect(trainer.steps).toBe(step)
      const until = createModel(classifier(), { input: [4], seed: 4, backend })
      const clean = until.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
      if (step > 0)
        await clean.fit(toyData(203), {
          ...{ batchSize: 8, accumulate: 5, lastBatch: 'keep', shuffle: false, everyStep: true },
          onStep: (record) => void (record.step === step - 1 && clean.stop())
        })
      expect(numbersOf(net)).toEqual(numbersOf(until))
    }
    const labels = toyData(203)
    labels.y[101] = 3
    const trainer = createModel(classifier(), { input: [4], backend }).trainer({ loss: softmaxCrossEntropy(), optimizer: adam() })
    expect((await rejection(trainer.fit(labels, { batchSize: 8, accumulate: 5, shuffle: false }))).message).toContain('y[101] = 3')
  })

  it('take embeddings, gathered and joined values, attention and means over other dimensions', async () => {
    const random = testRandom(12)
    const rows = 90
    const x = {
      words: Int32Array.from({ length: rows * 5 }, () => random.integer(11)),
      place: Int32Array.from({ length: rows }, () => random.integer(4)),
      size: random.array(rows * 2)
    }
    const y = random.array(rows)
    const layers = () => {
      const [words, query, hidden, head] = [embedding(11, 6), linear(6), linear(8), linear(1)]
      return ({ words: ids, place, size }: Record<'words' | 'place' | 'size', ops.Value>) => {
        const looked = words(ids)
        const scores = ops.softmax(ops.matmul(query(looked), ops.transpose(looked, [0, 2, 1])))
        const read = ops.mean(ops.matmul(scores, looked), { axes: 1 })
        const [width, height] = ops.split(size, 2, 1)
        const area = ops.where(ops.greater(width!, 0), ops.multiply(width!, height!), ops.negate(height!))
        return head(gelu()(hidden(ops.concat([read, ops.oneHot(place, 4), area], 1))))
      }
    }
    const run = async (accumulate: number, input = x) => {
      const shapes = { words: { shape: [5], dtype: 'int32' }, place: { shape: [], dtype: 'int32' }, size: [2] } as const
      const net = createModel(layers(), { input: shapes, seed: 3, backend })
      const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1, clipNorm: 5 }) })
      const { loss, gradientNorm } = await trainer.step({ x: input, y }, { accumulate })
      return { told: [loss, gradientNorm!], numbers: Object.values(numbersOf(net)).flat() }
    }
    const [whole, parts] = [await run(1), await run(7)]
    expect(parts.numbers).not.toEqual(whole.numbers)
    for (const [i, value] of [...whole.told, ...whole.numbers].entries())
      expect(Math.abs([...parts.told, ...parts.numbers][i]! - value)).toBeLessThan(1e-5)
    const words = x.words.slice()
    words[61 * 5 + 3] = 11
    expect((await rejection(run(7, { ...x, words }))).message).toContain('x.words[61][3] = 11')
  })

  it.each<[string, (x: ops.Value, partner: ops.Value) => ops.Value]>([
    ['looks up other rows', (x, partner) => ops.gather(x, partner)],
    ['joins and cuts the batch', (x) => ops.slice(ops.concat([ops.negate(x), x], 0), [0], [x.shape[0]!])],
    ['weighs rows by others', (x) => ops.multiply(x, ops.softmax(ops.sum(x, { axes: 1, keepDimensions: true }), 0))]
  ])('are one large step where the model %s', async (_, mix) => {
    const random = testRandom(13)
    const rows = 24
    const x = { x: random.array(rows * 3), partner: Int32Array.from({ length: rows }, () => random.integer(rows)) }
    const y = random.array(rows)
    const run = async (accumulate: number) => {
      const head = linear(1)
      const inputs = { x: [3], partner: { shape: [], dtype: 'int32' } } as const
      const net = createModel(({ x: value, partner }) => head(mix(value, partner)), { input: inputs, seed: 3, backend })
      await net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) }).step({ x, y }, { accumulate })
      return numbersOf(net)
    }
    expect(await run(4)).toEqual(await run(1))
  })

  it('are those of single steps too', async () => {
    const data = toyData(50)
    const model = () => createModel(classifier(), { input: [4], seed: 4, backend })
    const trainer = (net: ReturnType<typeof model>) =>
      net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1, clipNorm: 1 }) })
    const [one, whole] = [trainer(model()), trainer(model())]
    for (const accumulate of [1, 3, 50, 99]) {
      const parts = accumulate === 3 ? one.stepSync(data, { accumulate }) : await one.step(data, { accumulate })
      const expected = await whole.step(data)
      expect(Math.abs(parts.loss - expected.loss)).toBeLessThan(1e-5)
      expect(Math.abs(parts.gradientNorm! - expected.gradientNorm!)).toBeLessThan(1e-5)
    }
    expect((await rejection(one.step(data, { accumulate: 0 }))).message).toMatchInlineSnapshot(
      `"Trainer.step: expected accumulate to be an integer at least 1 and at most 1048576, got 0"`
    )
    expect((await rejection(one.step(data, { acumulate: 2 } as never))).message).toMatchInlineSnapshot(
      `"Trainer.step: expected only the options accumulate, got 'acumulate'. Did you mean accumulate?"`
    )
  })

  it('are left out as a whole where they are skipped', async () => {
    const data = toyData(200)
    data.x[50 * 4] = Number.NaN
    const net = createModel(classifier(), { input: [4], seed: 4, backend })
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }), onNonFinite: 'skip' })
    const skipped: number[] = []
    const history = await trainer.fit(data, {
      batchSize: 8,
      accumulate: 5,
      shuffle: false,
      onStep: (record) => void (record.skipped && skipped.push(record.step))
    })
    expect(history).toMatchObject({ steps: 5, skipped: 1 })
    expect(skipped).toEqual([1])
  })

  it('take frozen parameters, groups and changes of size between fits', async () => {
    const net = createModel(classifier(), { input: [4], seed: 4, backend })
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: adam({ groups: [{ match: '*.bias', learningRate: 0.01 }] }) })
    net.freeze('0.*')
    const before = numbersOf(net)
    for (const options of [
      { batchSize: 8, accumulate: 2 },
      { batchSize: 16 },
      { batchSize: 4, accumulate: 20 },
      { batchSize: 8, accumulate: 2 }
    ])
      await trainer.fit(toyData(100), options)
    const after = numbersOf(net)
    expect(after['0.v']).toEqual(before['0.v'])
    expect(after['3.weight']).not.toEqual(before['3.weight'])
    const random = testRandom(3)
    const values = { x: random.array(40 * 4), y: random.array(40) }
    const regression = await train({
      layer: () => linear(1),
      loss: meanSquaredError(),
      options: { batchSize: 7, accumulate: 3 },
      data: values
    })
    expect(regression.steps.every(({ loss }) => loss > 0)).toBe(true)
  })
})
