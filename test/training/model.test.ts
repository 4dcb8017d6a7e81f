import { describe, expect, it } from 'vitest'
import { batchNorm, createModel, dropout, linear, relu, sequential, softmaxCrossEntropy, weightNorm } from '../../lib/index.js'
import { modelBackends, numbersOf, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'

describe.each(modelBackends)('a model on %s', (backend) => {
  it('has parameters and buffers by name, as views of their shapes', () => {
    const net = createModel(sequential(weightNorm(linear(8)), batchNorm(), relu(), linear(3, { name: 'head', bias: false })), {
      input: [5],
      seed: 1,
      backend
    })
    const shapes = (tensors: object) => Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]))
    expect(shapes(net.parameters)).toEqual({
      '0.v': [8, 5],
      '0.g': [8],
      '0.bias': [8],
      '1.gamma': [8],
      '1.beta': [8],
      'head.weight': [3, 8]
    })
    expect(shapes(net.buffers)).toEqual({ '1.runningMean': [8], '1.runningVariance': [8], '1.batches': [1] })
    expect(net.parameters['0.v']!.data).toBe(net.parameters['0.v']!.data)
    expect([...net.buffers['1.runningVariance']!.data]).toEqual(new Array(8).fill(1))
    expect(net.backend.backend).toBe(backend)
  })

  it('starts with g = ‖v‖, the same numbers from the same seed', async () => {
    const make = (seed: number | bigint) => createModel(weightNorm(linear(300)), { input: [500], seed, backend })
    const net = make(7)
    const { v, g } = net.parameters
    for (const row of [0, 1, 150, 299]) {
      const norm = Math.sqrt(v!.data.subarray(row * 500, (row + 1) * 500).reduce((sum, value) => sum + value * value, 0))
      expect(Math.abs(g!.data[row]! - norm)).toBeLessThanOrEqual(2 ** -23 * norm)
    }
    // In slices, by an asynchronous call, the same.
    const other = make(7n)
    await other.predict(new Float32Array(500))
    expect(numbersOf(other)).toEqual(numbersOf(net))
    expect(numbersOf(make(8))).not.toEqual(numbersOf(net))
    const drawn = createModel(linear(3), { input: [4], backend })
    expect(numbersOf(createModel(linear(3), { input: [4], seed: drawn.seed, backend }))).toEqual(numbersOf(drawn))
  })

  it('initializes once, though a synchronous call comes in between', async () => {
    const make = () => createModel(sequential(linear(600), linear(600)), { input: [600], seed: 2, backend })
    const [net, other] = [make(), make()]
    const running = net.predict(new Float32Array(600))
    const parameters = numbersOf(net)
    await running
    expect(parameters).toEqual(numbersOf(other))
    expect(numbersOf(net)).toEqual(parameters)
  })

  it('predicts the same bits for a row at any batch size and place, synchronously or not', async () => {
    const net = toyModel(backend)
    await toyTrainer(net).fit(toyData())
    const { x } = toyData(100, 3)
    const whole = net.predictSync(x)
    expect(whole.shape).toEqual([100, 3])
    expect((await net.predict(x)).data).toEqual(whole.data)
    expect((await net.predict(x, { batchSize: 7 })).data).toEqual(whole.data)
    expect(net.predictSync(x, { batchSize: 1 }).data).toEqual(whole.data)
    for (const row of [0, 17, 99])
      expect((await net.predict(x.subarray(row * 4, row * 4 + 4))).data).toEqual(whole.data.slice(row * 3, row * 3 + 3))
    expect((await net.predict([])).shape).toEqual([0, 3])
    expect(net.predictSync(new Float32Array(0)).data.length).toBe(0)
  })

  it('gives results of the caller’s own', async () => {
    const net = toyModel(backend)
    const { x } = toyData(10)
    const first = await net.predict(x)
    const kept = first.data.slice()
    await net.predict(x.map((value) => -value))
    expect(first.data).toEqual(kept)
    expect(first.data.byteLength).toBe(first.data.buffer.byteLength)
  })

  it('evaluates exactly over batches of any sizes', async () => {
    const net = toyModel(backend)
    await toyTrainer(net).fit(toyData())
    const data = toyData(101, 5)
    const { data: logits } = net.predictSync(data.x)
    let correct = 0
    let loss = 0
    for (let row = 0; row < 101; row++) {
      const values = [...logits.subarray(row * 3, row * 3 + 3)]
      if (values.indexOf(Math.max(...values)) === data.y[row]) correct++
      loss += Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0)) - values[data.y[row]!]!
    }
    const result = await net.evaluate(data, { loss: softmaxCrossEntropy() })
    expect(result.accuracy).toBe(correct / 101)
    expect(result.loss).toBeCloseTo(loss / 101, 5)
    for (const batchSize of [1, 7, 100]) expect(await net.evaluate(data, { loss: softmaxCrossEntropy(), batchSize })).toEqual(result)
    expect(await net.evaluate(data)).toEqual({ accuracy: result.accuracy })
  })
})

describe('summary', () => {
  it('lists the layers', () => {
    const net = createModel(
      sequential(weightNorm(linear(1024)), batchNorm(), relu(), dropout(0.5), weightNorm(linear(1024)), batchNorm(), relu(), linear(10)),
      { input: [784], seed: 1, backend: 'portable' }
    )
    net.freeze('0.*')
    expect(net.summary()).toMatchInlineSnapshot(`
      "layer  kind        output  parameters
      -----  ----------  ------  ----------
             input       [784]
      0      weightNorm  [1024]     804,864
      1      batchNorm   [1024]       2,048
      2      relu        [1024]           0
      3      dropout     [1024]           0
      4      weightNorm  [1024]   1,050,624
      5      batchNorm   [1024]       2,048
      6      relu        [1024]           0
      7      linear      [10]        10,250

      parameters: 1,869,834 (804,864 frozen), buffers: 4,098"
    `)
  })
})

describe('freeze', () => {
  it('says what it could not find', () => {
    const net = toyModel('portable')
    const messages = ['encoder.*', '0', '', 3].map((pattern) => thrown(() => net.freeze(pattern as string)).message)
    expect(messages).toMatchInlineSnapshot(`
      [
        "Model.freeze: expected a pattern that matches a parameter, got 'encoder.*'. They are 0.v, 0.g, 0.bias, 1.gamma, 1.beta, 4.weight, 4.bias",
        "Model.freeze: expected a pattern that matches a parameter, got '0'. Did you mean '0.*'?",
        "Model.freeze: expected a pattern that matches a parameter, got ''. They are 0.v, 0.g, 0.bias, 1.gamma, 1.beta, 4.weight, 4.bias",
        "Model.freeze: expected a pattern, got 3. Such as '0.*' or '*.gamma'",
      ]
    `)
  })
})
