import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  accuracy,
  adam,
  createModel,
  type Dataset,
  datasetFrom,
  dropout,
  earlyStopping,
  linear,
  loadModel,
  mae,
  meanSquaredError,
  type Optimizer,
  type RowSample,
  reduceOnPlateau,
  sgd,
  softmaxCrossEntropy,
  tanh
} from '../../lib/index.js'
import * as ops from '../../lib/ops/index.js'
import { type Backend, modelBackends, numbersOf, rejection, thrown } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-outputs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const input = { sensor: [4], place: { shape: [], dtype: 'int32' } } as const
const places = 3
const kinds = 3

/** A trunk that both outputs share, and a head of each. */
function house(rate = 0) {
  const trunk = linear(6, { name: 'trunk' })
  const [price, kind] = [linear(1, { name: 'price' }), linear(kinds, { name: 'kind' })]
  return ({ sensor, place }: { sensor: ops.Value; place: ops.Value }) => {
    const hidden = dropout(rate)(tanh()(trunk(ops.concat([sensor, ops.oneHot(place, places)], 1))))
    return { price: price(hidden), kind: kind(hidden) }
  }
}

const model = (backend: Backend, { rate = 0, seed = 5 } = {}) => createModel(house(rate), { input, seed, backend })
const loss = { price: meanSquaredError(), kind: softmaxCrossEntropy() }
const lossWeights = { price: 0.5, kind: 2 }

const rows = 103
const random = testRandom(91)
const data = {
  x: { sensor: random.array(rows * 4), place: Int32Array.from({ length: rows }, () => random.integer(places)) },
  y: { price: random.array(rows), kind: Int32Array.from({ length: rows }, () => random.integer(kinds)) },
  sampleWeight: Float32Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? 0 : random.uniform() + 0.5))
}

/** Weighted means of both losses in float64, from the parameters by name. */
function lossesOf(parameters: Readonly<Record<string, ArrayLike<number>>>, weights: ArrayLike<number>): { price: number; kind: number } {
  const affine = (x: readonly number[], name: string): number[] => {
    const [weight, bias] = [parameters[`${name}.weight`]!, parameters[`${name}.bias`]!]
    return Array.from(bias, (b, output) => x.reduce((sum, value, i) => sum + value * weight[output * x.length + i]!, b))
  }
  let [price, kind, total] = [0, 0, 0]
  for (let row = 0; row < rows; row++) {
    const place = Array.from({ length: places }, (_, i) => (data.x.place[row] === i ? 1 : 0))
    const hidden = affine([...data.x.sensor.subarray(row * 4, row * 4 + 4), ...place], 'trunk').map(Math.tanh)
    const logits = affine(hidden, 'kind')
    price += weights[row]! * (affine(hidden, 'price')[0]! - data.y.price[row]!) ** 2
    kind += weights[row]! * (Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[data.y.kind[row]!]!)
    total += weights[row]!
  }
  return { price: price / total, kind: kind / total }
}

const totalOf = ({ price, kind }: { price: number; kind: number }) => lossWeights.price * price + lossWeights.kind * kind
const parametersOf = (net: { parameters: Readonly<Record<string, { data: Float32Array }>> }) =>
  Object.fromEntries(Object.entries(net.parameters).map(([name, tensor]) => [name, Float64Array.from(tensor.data)]))

describe.each(modelBackends)('training of several named outputs on %s', (backend) => {
  it.each([
    ['all rows alike', undefined],
    ['rows with weights', data.sampleWeight]
  ])('minimizes Σ weight · mean loss: losses and gradients are those of float64 by central differences, %s', async (_, sampleWeight) => {
    const net = model(backend)
    const weights = sampleWeight ?? new Float32Array(rows).fill(1)
    const before = parametersOf(net)
    const trainer = net.trainer({ loss, lossWeights, optimizer: sgd({ learningRate: 1 }) })
    const told = await trainer.step({ x: data.x, y: data.y, ...(sampleWeight ? { sampleWeight } : {}) })
    const expected = lossesOf(before, weights)
    // Sums of a hundred float32 terms near 1.
    expect(Math.abs(told.losses!.price! - expected.price)).toBeLessThan(1e-5)
    expect(Math.abs(told.losses!.kind! - expected.kind)).toBeLessThan(1e-5)
    expect(Math.abs(told.loss - totalOf(expected))).toBeLessThan(2e-5)
    const h = 1e-4
    for (const [name, values] of Object.entries(before))
      for (let i = 0; i < values.length; i++) {
        const at = (shift: number) =>
          totalOf(lossesOf({ ...before, [name]: values.map((value, j) => value + (i === j ? shift : 0)) }, weights))
        const gradient = (at(h) - at(-h)) / (2 * h)
        // h² / 6 of a third derivative near 1, and float32 sums of a hundred rows.
        expect(Math.abs(values[i]! - net.parameters[name]!.data[i]! - gradient), `${name}[${i}]`).toBeLessThan(2e-5)
      }
  })

  it('gives the same step synchronously', async () => {
    const [one, two] = [model(backend), model(backend)]
    const trainerOf = (net: typeof one) => net.trainer({ loss, lossWeights, optimizer: adam({ learningRate: 0.01 }) })
    const told = await trainerOf(one).step(data)
    expect(trainerOf(two).stepSync(data)).toEqual(told)
    expect(numbersOf(two)).toEqual(numbersOf(one))
  })

  it('takes a step in parts, within rounding of the whole', async () => {
    const run = async (accumulate: number) => {
      const trunk = linear(6)
      const net = createModel(
        (x) => {
          const hidden = dropout(0.2)(tanh()(trunk(x)))
          return { price: linear(1)(hidden), kind: linear(kinds)(hidden) }
        },
        { input: [4], seed: 5, backend }
      )
      const trainer = net.trainer({ loss, lossWeights, optimizer: sgd({ learningRate: 0.1 }) })
      const told = await trainer.step({ x: data.x.sensor, y: data.y }, { accumulate })
      return { told, numbers: Object.values(numbersOf(net)).flat() }
    }
    const [whole, parts] = [await run(1), await run(4)]
    // In parts: otherwise they would be the same sums.
    expect(parts.numbers).not.toEqual(whole.numbers)
    // The same terms in another order: some roundings of 2⁻²⁴.
    expect(Math.abs(parts.told.loss - whole.told.loss)).toBeLessThan(1e-5)
    for (const name of ['price', 'kind']) expect(Math.abs(parts.told.losses![name]! - whole.told.losses![name]!)).toBeLessThan(1e-5)
    for (const [i, value] of whole.numbers.entries()) expect(Math.abs(parts.numbers[i]! - value)).toBeLessThan(1e-6)
  })

  it('evaluates each output with its loss and metrics, the same for batches of any size', async () => {
    const net = model(backend)
    const results = await net.evaluate(data, { loss, lossWeights, metrics: { price: [mae()], kind: [accuracy()] } })
    const expected = lossesOf(parametersOf(net), data.sampleWeight)
    const predicted = await net.predict(data.x)
    let [right, distance, total] = [0, 0, 0]
    for (let row = 0; row < rows; row++) {
      const logits = predicted.kind.data.subarray(row * kinds, (row + 1) * kinds)
      const weight = data.sampleWeight[row]!
      if (logits.indexOf(Math.max(...logits)) === data.y.kind[row]) right += weight
      distance += weight * Math.abs(predicted.price.data[row]! - data.y.price[row]!)
      total += weight
    }
    expect(Object.keys(results)).toEqual(['loss', 'price.loss', 'price.mae', 'kind.loss', 'kind.accuracy'])
    expect(Math.abs((results['price.loss'] as number) - expected.price)).toBeLessThan(1e-5)
    expect(Math.abs((results['kind.loss'] as number) - expected.kind)).toBeLessThan(1e-5)
    expect(results.loss).toBe(0.5 * (results['price.loss'] as number) + 2 * (results['kind.loss'] as number))
    expect(Math.abs((results['kind.accuracy'] as number) - right / total)).toBeLessThan(1e-12)
    expect(Math.abs((results['price.mae'] as number) - distance / total)).toBeLessThan(1e-6)
    for (const batchSize of [1, 7, 64])
      expect(await net.evaluate(data, { loss, lossWeights, metrics: { price: [mae()], kind: [accuracy()] }, batchSize })).toEqual(results)
    // What fits each loss, where nothing is said; a metric needs no loss; one output alone.
    expect(Object.keys(await net.evaluate(data, { loss }))).toEqual(['loss', 'price.loss', 'kind.loss', 'kind.accuracy'])
    const { x, y } = data
    expect(await net.evaluate({ x, y: { price: y.price } }, { metrics: { price: [mae({ name: 'off' })] } })).toHaveProperty(['price.off'])
    expect(Object.keys(await net.evaluate({ x, y: { kind: y.kind } }, { loss: { kind: loss.kind }, metrics: [accuracy()] }))).toEqual([
      'loss',
      'kind.loss',
      'kind.accuracy'
    ])
    // A metric of an output without a loss, beside a loss of another.
    expect(Object.keys(await net.evaluate({ x, y }, { loss: { kind: loss.kind }, metrics: { price: [mae()] } }))).toEqual([
      'loss',
      'price.mae',
      'kind.loss'
    ])
  })

  it('fits with validation by output, which callbacks watch, and tells the losses of each', async () => {
    const net = model(backend, { rate: 0.1 })
    const trainer = net.trainer({ loss, lossWeights, optimizer: adam({ learningRate: 0.02 }) })
    const steps: number[] = []
    const history = await trainer.fit(data, {
      epochs: 4,
      batchSize: 20,
      validation: 0.2,
      metrics: { kind: [accuracy()], price: [mae()] },
      callbacks: [
        earlyStopping({ monitor: 'validationKind.accuracy', patience: 50, restoreBest: true }),
        reduceOnPlateau({ monitor: 'losses.price', patience: 50 }),
        earlyStopping({ monitor: 'validationPrice.loss', patience: 50 })
      ],
      onStep: ({ losses }) => {
        steps.push(losses!.kind!)
      }
    })
    expect(steps).toHaveLength(history.steps)
    for (const epoch of history.epochs) {
      expect(Object.keys(epoch.losses!)).toEqual(['price', 'kind'])
      expect(epoch.loss).toBe(0.5 * epoch.losses!.price! + 2 * epoch.losses!.kind!)
      expect(epoch.validationLoss).toBe(0.5 * (epoch['validationPrice.loss'] as number) + 2 * (epoch['validationKind.loss'] as number))
      expect(epoch['validationKind.accuracy']).toBeGreaterThanOrEqual(0)
      expect(epoch['validationPrice.mae']).toBeGreaterThan(0)
    }
    expect(history.epochs.at(-1)!.loss).toBeLessThan(history.epochs[0]!.loss)
    const wrong = trainer.fit(data, { validation: 0.2, callbacks: [earlyStopping({ monitor: 'validationPrices.loss', mode: 'min' })] })
    expect((await rejection(wrong)).message).toMatch(/Did you mean 'validationPrice\.loss'\?$/)
  })

  it('trains on datasets of rows and of batches to the bits of the same rows in memory', async () => {
    const samples: RowSample[] = Array.from({ length: rows }, (_, row) => ({
      x: { sensor: data.x.sensor.subarray(row * 4, row * 4 + 4), place: data.x.place[row]! },
      y: { price: [data.y.price[row]!], kind: data.y.kind[row]! },
      sampleWeight: data.sampleWeight[row]!
    }))
    const batches: Dataset = {
      length: rows,
      *batches({ batchSize }) {
        for (let row = 0; row < rows; row += batchSize) {
          const part = <T extends Float32Array | Int32Array>(values: T, width = 1) =>
            values.subarray(row * width, (row + batchSize) * width)
          yield {
            x: { sensor: part(data.x.sensor, 4), place: part(data.x.place) },
            y: { price: part(data.y.price), kind: part(data.y.kind) },
            sampleWeight: part(data.sampleWeight) as Float32Array
          }
        }
      }
    }
    const options = { epochs: 2, batchSize: 20, shuffle: false, lastBatch: 'keep', validation: data } as const
    const fitted = async (given: Parameters<ReturnType<ReturnType<typeof model>['trainer']>['fit']>[0]) => {
      const net = model(backend)
      const history = await net.trainer({ loss, optimizer: sgd({ learningRate: 0.1 }) }).fit(given, options)
      const told = history.epochs.map(({ seconds: _, samplesPerSecond: __, ...record }) => record)
      return { numbers: numbersOf(net), told, evaluated: await net.evaluate(given, { loss }) }
    }
    const expected = await fitted(data)
    expect(await fitted(datasetFrom(() => samples))).toEqual(expected)
    expect(await fitted(batches)).toEqual(expected)
    expect(await fitted(() => samples)).toEqual(expected)
  })

  it('goes on from a checkpoint to the same bytes, and from a file with the function given again', async () => {
    const optimizer = (): Optimizer => adam({ learningRate: 0.01 })
    const through = model(backend, { rate: 0.3 })
    await through.trainer({ loss, lossWeights, optimizer: optimizer() }).fit(data, { epochs: 4, batchSize: 16 })
    const stopped = model(backend, { rate: 0.3 })
    const first = stopped.trainer({ loss, lossWeights, optimizer: optimizer() })
    await first.fit(data, { epochs: 4, batchSize: 16, everyStep: true, onStep: ({ step }) => step === 10 && first.stop() })
    const checkpoint = path.join(folder, `${backend}.checkpoint`)
    await first.saveCheckpoint(checkpoint)
    const resumed = model(backend, { rate: 0.3, seed: 6 })
    const second = resumed.trainer({ loss, lossWeights, optimizer: optimizer() })
    const history = await second.fit(data, { epochs: 4, batchSize: 16, resume: checkpoint })
    expect(history.epochs[0]!.losses).toBeDefined()
    const files = [through, resumed].map((_, i) => path.join(folder, `${backend}.${i}.safetensors`))
    await through.save(files[0]!)
    await resumed.save(files[1]!)
    expect(readFileSync(files[1]!)).toEqual(readFileSync(files[0]!))
    const loaded = await loadModel(files[0]!, { model: house(0.3), backend })
    expect(await loaded.evaluate(data, { loss, lossWeights })).toEqual(await through.evaluate(data, { loss, lossWeights }))
    expect((await loaded.trainer({ loss, optimizer: optimizer() }).step(data)).losses).toHaveProperty('kind')
  })

  it('trains no output without a loss, and asks for no target of it', async () => {
    const net = model(backend)
    const before = numbersOf(net)
    const trainer = net.trainer({ loss: { kind: softmaxCrossEntropy() }, optimizer: sgd({ learningRate: 0.1, weightDecay: 0 }) })
    const { x, y } = data
    const { loss: total, losses } = await trainer.step({ x, y: { kind: y.kind } })
    expect(losses).toEqual({ kind: total })
    await trainer.fit({ x, y }, { batchSize: 50 })
    const after = numbersOf(net)
    expect([after['price.weight'], after['price.bias']]).toEqual([before['price.weight'], before['price.bias']])
    expect(after['kind.weight']).not.toEqual(before['kind.weight'])
    // A weight of 0 teaches nothing either, but its loss is told.
    const weightless = model(backend)
    const told = await weightless.trainer({ loss, lossWeights: { price: 0 }, optimizer: sgd({ learningRate: 0.1 }) }).step({ x, y })
    expect(told.loss).toBe(told.losses!.kind)
    expect(numbersOf(weightless)['price.weight']).toEqual(before['price.weight'])
  })

  it('takes one loss for all outputs, and one with a name alone', async () => {
    const net = createModel((x) => ({ low: linear(2)(x), high: linear(2)(x) }), { input: [3], seed: 1, backend })
    const x = random.array(10 * 3)
    const y = { low: random.array(20), high: random.array(20) }
    const trainer = net.trainer({
      loss: (prediction, target) => ops.mean(ops.abs(ops.subtract(prediction, target)), { axes: 1 }),
      optimizer: sgd({ learningRate: 0.1 })
    })
    const { loss: total, losses } = await trainer.step({ x, y })
    expect(Math.abs(total - losses!.low! - losses!.high!)).toBeLessThan(1e-6)
    expect(Object.keys(await net.evaluate({ x, y }, { loss: meanSquaredError(), metrics: [mae()] }))).toEqual([
      'loss',
      'low.loss',
      'low.mae',
      'high.loss',
      'high.mae'
    ])
    const single = createModel((value) => ({ price: linear(1)(value) }), { input: [3], seed: 1, backend })
    const plain = createModel(linear(1), { input: [3], seed: 1, backend })
    const told = await single
      .trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
      .step({ x, y: { price: y.low.subarray(0, 10) } })
    const alone = await plain
      .trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.1 }) })
      .step({ x, y: y.low.subarray(0, 10) })
    expect(told).toEqual({ ...alone, losses: { price: alone.loss } })
    expect([...single.parameters['0.weight']!.data]).toEqual([...plain.parameters.weight!.data])
  })

  it('takes names that every object has', async () => {
    const outputs = (x: ops.Value): Record<string, ops.Value> => ({ constructor: linear(1)(x), toString: linear(1)(x) })
    const net = createModel(outputs, { input: [3], seed: 1, backend })
    const x = random.array(30)
    const y = { constructor: random.array(10), toString: random.array(10) }
    const trainer = net.trainer({ loss: { toString: meanSquaredError() }, optimizer: sgd({ learningRate: 0.1 }) })
    expect(Object.keys((await trainer.step({ x, y: { toString: y.toString } })).losses!)).toEqual(['toString'])
    const told = await net.evaluate({ x, y }, { loss: { toString: meanSquaredError() }, metrics: { toString: [mae()] } })
    expect(Object.keys(told)).toEqual(['loss', 'toString.loss', 'toString.mae'])
    expect(
      (await rejection(net.evaluate({ x, y: { toString: y.toString } }, { metrics: { constructor: [mae()] } as never }))).message
    ).toContain('one without constructor')
  })

  it('says which output holds what no step can take, and changes nothing', async () => {
    const net = model(backend)
    const before = numbersOf(net)
    const trainer = net.trainer({ loss, optimizer: sgd({ learningRate: 0.1 }) })
    const { x, y } = data
    const with_ = (name: 'price' | 'kind', row: number, value: number) => {
      const values = y[name].slice()
      values[row] = value
      return { x, y: { ...y, [name]: values } }
    }
    const errors = {
      class: await rejection(trainer.step(with_('kind', 7, kinds))),
      value: await rejection(trainer.step(with_('price', 9, Number.NaN))),
      target: await rejection(trainer.step({ x, y: { ...y, kind: y.kind.subarray(1) } }))
    }
    expect(numbersOf(net)).toEqual(before)
    const later = {
      huge: await rejection(trainer.fit(with_('price', 9, 1e30), { batchSize: 20 })),
      validation: await rejection(trainer.fit(data, { validation: with_('kind', 70, -1) }))
    }
    expect(
      Object.fromEntries(Object.entries({ ...errors, ...later }).map(([name, { message }]) => [name, message]))
    ).toMatchInlineSnapshot(`
      {
        "class": "Trainer.step: expected y.kind to hold class numbers, integers 0 … 2, got y.kind[7] = 3. Class numbers count from 0",
        "huge": "Trainer.fit: expected a finite loss.price, got NaN or infinity, at step 1. Lower the learning rate or scale the inputs; nothing of the step was kept",
        "target": "Trainer.step: expected y.kind to have 103 rows as x.sensor has, got 102",
        "validation": "Trainer.fit, validation: expected y.kind to hold class numbers, integers 0 … 2, got y.kind[70] = -1",
        "value": "Trainer.step: expected finite numbers in y.price, got NaN or infinity in row 9, at step 0. Clean the data; nothing of the step was kept",
      }
    `)
    expect(Object.values({ ...errors, ...later }).map(({ code }) => code)).toEqual([
      'EVENKEEL_LABEL',
      'EVENKEEL_NON_FINITE',
      'EVENKEEL_SHAPE',
      'EVENKEEL_NON_FINITE',
      'EVENKEEL_LABEL'
    ])
  })
})

describe('losses, targets and metrics by output that are none', () => {
  const net = model('portable')
  const optimizer = sgd({ learningRate: 0.1 })
  const { x, y } = data

  it('are refused when the trainer is made', () => {
    const plain = createModel(linear(1), { input: [3], backend: 'portable' })
    const cases = {
      'another name': () => net.trainer({ loss: { prize: meanSquaredError() } as never, optimizer }),
      'no names': () => net.trainer({ loss: {}, optimizer }),
      'a loss that was not called': () => net.trainer({ loss: { price: meanSquaredError as never }, optimizer }),
      'a weight of another name': () => net.trainer({ loss, lossWeights: { kinds: 1 } as never, optimizer }),
      'a weight without a loss': () => net.trainer({ loss: { price: loss.price }, lossWeights: { kind: 1 }, optimizer }),
      'a negative weight': () => net.trainer({ loss, lossWeights: { price: -1 }, optimizer }),
      'a number for weights': () => net.trainer({ loss, lossWeights: 2 as never, optimizer }),
      'weights of a model without names': () => plain.trainer({ loss: meanSquaredError(), lossWeights: { price: 1 } as never, optimizer }),
      'losses of a model without names': () => plain.trainer({ loss: { price: meanSquaredError() } as never, optimizer })
    }
    expect(Object.fromEntries(Object.entries(cases).map(([name, body]) => [name, thrown(body).message]))).toMatchInlineSnapshot(`
      {
        "a loss that was not called": "Model.trainer: expected loss.price to be a loss such as softmaxCrossEntropy(), or a function of prediction and target, got function meanSquaredError. Call it: softmaxCrossEntropy(), not softmaxCrossEntropy",
        "a negative weight": "Model.trainer: expected lossWeights.price to be a finite number at least 0, got -1",
        "a number for weights": "Model.trainer: expected lossWeights to be a number for each output by its name, got 2",
        "a weight of another name": "Model.trainer: expected lossWeights by the names of the outputs, price, kind, got 'kinds'. Did you mean kind?",
        "a weight without a loss": "Model.trainer: expected lossWeights for outputs that have a loss, price, got 'kind'",
        "another name": "Model.trainer: expected loss by the names of the outputs, price, kind, got 'prize'. Did you mean price?",
        "losses of a model without names": "Model.trainer: expected loss to be a loss such as softmaxCrossEntropy(), or a function of prediction and target, got an object",
        "no names": "Model.trainer: expected loss for at least one of the outputs price, kind, got an object",
        "weights of a model without names": "Model.trainer: expected lossWeights to be a number for each output by its name, got an object",
      }
    `)
  })

  it('are refused before anything runs', async () => {
    const trainer = net.trainer({ loss, optimizer })
    const cases = {
      'no names': () => trainer.step({ x, y: y.price as never }),
      'a name missing': () => trainer.step({ x, y: { price: y.price } }),
      'a name that is none': () => trainer.step({ x, y: { ...y, kinds: y.kind } as never }),
      'other rows': () => trainer.step({ x, y: { ...y, price: y.price.subarray(1) } }),
      'another width': () => trainer.step({ x, y: { ...y, price: { data: new Float32Array(rows * 2), shape: [rows, 2] } } }),
      'fractions for classes': () => trainer.fit({ x, y: { ...y, kind: new Float32Array(rows).fill(0.5) } }),
      'metrics of another name': () => trainer.fit(data, { metrics: { prices: [mae()] } as never }),
      'metrics without a loss': () => net.trainer({ loss: { kind: loss.kind }, optimizer }).fit(data, { metrics: { price: [mae()] } }),
      'weights without a loss': () => net.evaluate(data, { lossWeights: { price: 1 }, metrics: { price: [mae()] } }),
      'nothing to measure': () => net.evaluate(data, { metrics: { price: [] } }),
      'rows of a dataset without a name': () =>
        trainer.fit(datasetFrom(() => [{ x: { sensor: [1, 2, 3, 4], place: 0 }, y: { price: [1] } }]))
    }
    const messages: Record<string, string> = {}
    for (const [name, body] of Object.entries(cases)) messages[name] = (await rejection(body())).message
    expect(messages).toMatchInlineSnapshot(`
      {
        "a name missing": "Trainer.step: expected y to be { price, kind }, got one without kind",
        "a name that is none": "Trainer.step: expected y by the names of the outputs, price, kind, got 'kinds'. Did you mean kind?",
        "another width": "Trainer.step: expected y.price to have the shape [rows, 1], got [103, 2]",
        "fractions for classes": "Trainer.fit: expected y.kind to hold class numbers as integers, got Float32Array(103). This loss takes the class number of each row: Int32Array.from(...)",
        "metrics of another name": "Trainer.fit: expected metrics by the names of the outputs, price, kind, got 'prices'. Did you mean price?",
        "metrics without a loss": "Trainer.fit: expected metrics for outputs that have a loss, kind, got 'price'",
        "no names": "Trainer.step: expected y to be { price, kind }, got Float32Array(103). Give the targets by the names of the outputs",
        "nothing to measure": "Model.evaluate: expected a loss or at least one metric, got an object",
        "other rows": "Trainer.step: expected y.price to have 103 rows as x.sensor has, got 102",
        "rows of a dataset without a name": "Trainer.fit: expected y to be { price, kind }, got one without kind",
        "weights without a loss": "Model.evaluate: expected lossWeights with a loss, got an object",
      }
    `)
  })

  it('know the names of the outputs by their types', () => {
    // Never called: what the compiler says is the test.
    const typed = () => {
      const trainer = net.trainer({ loss: { price: meanSquaredError() }, optimizer })
      // @ts-expect-error an output that the model does not have
      net.trainer({ loss: { prize: meanSquaredError() }, optimizer })
      // @ts-expect-error targets without names
      void trainer.step({ x, y: y.price })
      // @ts-expect-error metrics of an output that the model does not have
      void net.evaluate(data, { metrics: { kinds: [accuracy()] } })
      // @ts-expect-error an input is missing
      void trainer.fit({ x: { sensor: data.x.sensor }, y })
      void trainer.fit(data, { validation: { x, y } })
    }
    expect(typed).toBeTypeOf('function')
  })
})
