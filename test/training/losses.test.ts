import { describe, expect, it } from 'vitest'
import {
  binaryCrossEntropy,
  createModel,
  huber,
  type Loss,
  linear,
  meanAbsoluteError,
  meanSquaredError,
  sgd,
  softmaxCrossEntropy
} from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, thrown } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'
import { elementLossReference } from '../reference/element-loss.js'
import { crossEntropyReference } from '../reference/softmax-cross-entropy.js'
import { weightedMeanReference } from '../reference/weighted-mean.js'

const rows = 61
const classes = 4
const random = testRandom(181)
const x = random.array(rows * 3)
const labels = Int32Array.from({ length: rows }, () => random.integer(classes))
const sampleWeight = Float32Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? 0 : random.uniform()))
const probabilities = Float32Array.from(
  { length: rows * classes },
  (_, i) => [0.1, 0.2, 0.3, 0.4][(i + Math.floor(i / classes)) % classes]!
)
const values = random.array(rows * classes)
const fractions = Float32Array.from({ length: rows * classes }, () => [0, 1, random.uniform()][random.integer(3)]!)
const classWeight = [1, 2, 0, 0.5]
const ignored = labels.map((label, row) => (row % 7 === 3 ? -1 : label))

interface Case {
  readonly loss: Loss
  readonly y: Int32Array | Float32Array
  row(output: Float64Array, row: number): number
  weight?(row: number): number
}

const nll = (output: ArrayLike<number>) => Array.from(output, (_, c) => crossEntropyReference(output, c))
const mixed = (output: Float64Array, label: number, e: number) =>
  (1 - e) * nll(output)[label]! + (e * nll(output).reduce((a, b) => a + b)) / classes
const element = (kind: keyof typeof elementLossReference, y: Float32Array, parameter: number) => (output: Float64Array, row: number) =>
  output.reduce((sum, p, c) => sum + elementLossReference[kind](p, y[row * classes + c]!, parameter) / classes, 0)

const cases: Readonly<Record<string, Case>> = {
  'softmaxCrossEntropy()': { loss: softmaxCrossEntropy(), y: labels, row: (output, row) => nll(output)[labels[row]!]! },
  'with labelSmoothing': {
    loss: softmaxCrossEntropy({ labelSmoothing: 0.1 }),
    y: labels,
    row: (output, row) => mixed(output, labels[row]!, 0.1)
  },
  'with classWeight': {
    loss: softmaxCrossEntropy({ classWeight }),
    y: labels,
    row: (output, row) => nll(output)[labels[row]!]!,
    weight: (row) => classWeight[labels[row]!]!
  },
  'with ignoreIndex': {
    loss: softmaxCrossEntropy({ ignoreIndex: -1 }),
    y: ignored,
    row: (output, row) => nll(output)[labels[row]!]!,
    weight: (row) => (ignored[row] === -1 ? 0 : 1)
  },
  'with all of them': {
    loss: softmaxCrossEntropy({ ignoreIndex: -1, classWeight: Float32Array.from(classWeight), labelSmoothing: 0.3 }),
    y: ignored,
    row: (output, row) => mixed(output, labels[row]!, 0.3),
    weight: (row) => (ignored[row] === -1 ? 0 : classWeight[labels[row]!]!)
  },
  'with probabilities': {
    loss: softmaxCrossEntropy({ labels: 'probabilities' }),
    y: probabilities,
    row: (output, row) => nll(output).reduce((sum, value, c) => sum + value * probabilities[row * classes + c]!, 0)
  },
  'with probabilities and classWeight': {
    loss: softmaxCrossEntropy({ labels: 'probabilities', classWeight }),
    y: probabilities,
    row: (output, row) => nll(output).reduce((sum, value, c) => sum + value * probabilities[row * classes + c]!, 0),
    weight: (row) => classWeight.reduce((sum, w, c) => sum + w * probabilities[row * classes + c]!, 0)
  },
  'meanSquaredError()': {
    loss: meanSquaredError(),
    y: values,
    row: (output, row) => output.reduce((sum, p, c) => sum + (p - values[row * classes + c]!) ** 2 / classes, 0)
  },
  'meanAbsoluteError()': { loss: meanAbsoluteError(), y: values, row: element('absolute', values, 0) },
  'huber()': { loss: huber({ delta: 0.5 }), y: values, row: element('huber', values, 0.5) },
  'binaryCrossEntropy()': {
    loss: binaryCrossEntropy({ positiveWeight: 3 }),
    y: fractions,
    row: element('binaryCrossEntropy', fractions, 3)
  }
}

describe.each(modelBackends)('losses on %s', (backend) => {
  const model = () => createModel(linear(classes), { input: [3], seed: 4, backend })

  it.each(Object.entries(cases))(
    '%s is the weighted mean of its rows, in a step, an epoch and an evaluation',
    async (_name, { loss, y, row, weight }) => {
      const net = model()
      const { data } = await net.predict(x)
      const output = Float64Array.from(data)
      const losses = Float64Array.from({ length: rows }, (_, r) => row(output.subarray(r * classes, (r + 1) * classes), r))
      for (const weighted of [false, true]) {
        const given = { x, y, ...(weighted ? { sampleWeight } : {}) }
        const weights = Float64Array.from({ length: rows }, (_, r) => (weight?.(r) ?? 1) * (weighted ? sampleWeight[r]! : 1))
        const { mean } = weightedMeanReference(losses, weights)
        // Some ten float32 roundings of each row's loss and of the batches' means.
        const near = (actual: number) => expect(Math.abs(actual - mean)).toBeLessThan(2e-6 * mean)
        const trainer = net.trainer({ loss, optimizer: sgd({ learningRate: 0 }) })
        near((await trainer.step(given)).loss)
        near(trainer.stepSync(given).loss)
        for (const batchSize of [9, 64]) {
          near((await net.evaluate(given, { loss, metrics: [], batchSize })).loss!)
          const { epochs } = await trainer.fit(given, { batchSize, validation: given, metrics: [] })
          near(epochs[0]!.loss)
          near(epochs[0]!.validationLoss!)
        }
      }
    }
  )

  it.each(Object.entries(cases))('%s goes down as it is trained', async (_name, { loss, y }) => {
    const net = model()
    const trainer = net.trainer({ loss, optimizer: sgd({ learningRate: 0.2 }) })
    const first = (await trainer.step({ x, y, sampleWeight })).loss
    for (let i = 0; i < 30; i++) await trainer.step({ x, y, sampleWeight })
    expect((await trainer.step({ x, y, sampleWeight })).loss).toBeLessThan(first)
  })

  it('sample weights of 1 change no bit of what is trained; a held-out fraction keeps its own', async () => {
    const train = async (weights: object) => {
      const net = model()
      const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
      const { epochs } = await trainer.fit({ x, y: labels, ...weights }, { epochs: 2, batchSize: 10, validation: 0.3 })
      return { numbers: numbersOf(net), validationLoss: epochs[1]!.validationLoss! }
    }
    const plain = await train({})
    const ones = await train({ sampleWeight: new Array(rows).fill(1) })
    expect(ones.numbers).toEqual(plain.numbers)
    expect(ones.validationLoss).toBe(plain.validationLoss)
    expect((await train({ sampleWeight })).validationLoss).not.toBe(plain.validationLoss)
  })

  it('plans anew where sample weights come and go', async () => {
    const net = model()
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0 }) })
    const plain = (await trainer.step({ x, y: labels })).loss
    const weighted = (await trainer.step({ x, y: labels, sampleWeight })).loss
    expect(weighted).not.toBe(plain)
    expect((await trainer.step({ x, y: labels })).loss).toBe(plain)
    expect(trainer.stepSync({ x, y: labels, sampleWeight }).loss).toBe(weighted)
  })

  it('refuses targets, weights and labels that do not fit, and keeps nothing', async () => {
    const net = model()
    const before = numbersOf(net)
    const step = async (loss: Loss, data: object) => {
      const trainer = net.trainer({ loss, optimizer: sgd({ learningRate: 0.1 }) })
      return (await rejection(trainer.step({ x, ...data } as never))).message
    }
    const bad = (y: Float32Array, at: number, value: number) => y.with(at, value)
    expect(await step(binaryCrossEntropy(), { y: bad(fractions, 17, 2) })).toMatchInlineSnapshot(
      `"Trainer.step: expected numbers in 0 … 1 in y, got 2 in row 4"`
    )
    expect(await step(softmaxCrossEntropy({ labels: 'probabilities' }), { y: bad(probabilities, 21, 0.9) })).toMatchInlineSnapshot(
      `"Trainer.step: expected rows of y to be probabilities, each in 0 … 1, with a sum of 1, got the sum 1.599999986588955 in row 5"`
    )
    expect(await step(softmaxCrossEntropy({ labels: 'probabilities' }), { y: bad(probabilities, 21, -0.5) })).toMatchInlineSnapshot(
      `"Trainer.step: expected rows of y to be probabilities, each in 0 … 1, with a sum of 1, got -0.5 in row 5"`
    )
    expect(await step(softmaxCrossEntropy({ labels: 'probabilities' }), { y: bad(probabilities, 5, Number.NaN) })).toMatchInlineSnapshot(
      `"Trainer.step: expected finite numbers in y, got NaN or infinity in row 1, at step 0. Clean the data; nothing of the step was kept"`
    )
    expect(await step(softmaxCrossEntropy({ ignoreIndex: -1 }), { y: labels.with(3, -2) })).toMatchInlineSnapshot(
      `"Trainer.step: expected y to hold class numbers, integers 0 … 3 or -1, got y[3] = -2"`
    )
    expect(await step(softmaxCrossEntropy({ classWeight: [1, 2] }), { y: labels })).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected classWeight to hold one weight a class, for an output of shape [batch, 4], got 2"`
    )
    expect(await step(softmaxCrossEntropy(), { y: labels, sampleWeight: sampleWeight.with(4, -1) })).toMatchInlineSnapshot(
      `"Trainer.step: expected sampleWeight to hold finite numbers, none negative, got sampleWeight[4] = -1"`
    )
    expect(await step(softmaxCrossEntropy(), { y: labels, sampleWeight: sampleWeight.with(4, Number.NaN) })).toMatchInlineSnapshot(
      `"Trainer.step: expected sampleWeight to hold finite numbers, none negative, got sampleWeight[4] = NaN"`
    )
    expect(await step(softmaxCrossEntropy(), { y: labels, sampleWeight: [1, 2] })).toMatchInlineSnapshot(
      `"Trainer.step: expected sampleWeight to have 61 rows as x has, got 2"`
    )
    expect(await step(softmaxCrossEntropy(), { y: labels, sampleWeights: sampleWeight })).toMatchInlineSnapshot(
      `"Trainer.step: expected data as { x, y, sampleWeight }, got 'sampleWeights'"`
    )
    expect(numbersOf(net)).toEqual(before)
    const evaluated = net.evaluate({ x, y: bad(fractions, 17, 2) }, { loss: binaryCrossEntropy(), batchSize: 2 })
    expect((await rejection(evaluated)).message).toMatchInlineSnapshot(`"Model.evaluate: expected numbers in 0 … 1 in y, got 2 in row 4"`)
  })
})

describe('options of losses', () => {
  it('are checked', () => {
    expect(thrown(() => softmaxCrossEntropy({ labelSmoothing: -0.1 })).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected labelSmoothing to be a finite number at least 0 and at most 1, got -0.1"`
    )
    expect(thrown(() => softmaxCrossEntropy({ smoothing: 0.1 } as object)).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected only the options labels, labelSmoothing, ignoreIndex, classWeight, got 'smoothing'. Did you mean labelSmoothing?"`
    )
    expect(thrown(() => softmaxCrossEntropy({ labels: 'soft' as never })).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected labels to be 'classes' or 'probabilities', got 'soft'"`
    )
    expect(thrown(() => softmaxCrossEntropy({ labels: 'probabilities', ignoreIndex: 3 })).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected ignoreIndex with labels 'classes' alone, got 3. Give such rows a sampleWeight of 0"`
    )
    expect(thrown(() => softmaxCrossEntropy({ classWeight: [1, -1] })).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected classWeight to be an array of finite numbers, none negative, got classWeight[1] = -1"`
    )
    expect(thrown(() => softmaxCrossEntropy({ classWeight: { a: 1 } as never })).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected classWeight to be an array of finite numbers, none negative, got an object. One a class"`
    )
    expect(thrown(() => softmaxCrossEntropy({ ignoreIndex: 0.5 })).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected ignoreIndex to be an integer at least -2147483648 and at most 2147483647, got 0.5"`
    )
    expect(thrown(() => huber({ delta: 0 })).message).toMatchInlineSnapshot(
      `"huber: expected delta to be a finite number at least 1.1754943508222875e-38 and at most 3.4028234663852886e+38, got 0"`
    )
    expect(thrown(() => binaryCrossEntropy({ positiveWeight: Number.NaN })).message).toMatchInlineSnapshot(
      `"binaryCrossEntropy: expected positiveWeight to be a finite number at least 0 and at most 3.4028234663852886e+38, got NaN"`
    )
    expect(thrown(() => meanAbsoluteError({ delta: 1 } as object)).message).toMatchInlineSnapshot(
      `"meanAbsoluteError: expected no options, got 'delta'"`
    )
  })
})
