import { describe, expect, it } from 'vitest'
import { adamW, createModel, linear, meanSquaredError, relu, sequential, sgd, softmaxCrossEntropy, warmUp } from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'

describe.each(modelBackends)('steps on %s', (backend) => {
  it('lower the loss, and count from 0', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const data = toyData()
    const first = await trainer.step(data)
    expect(first.step).toBe(0)
    let last = first
    for (let i = 1; i < 40; i++) last = await trainer.step(data)
    expect(last.step).toBe(39)
    expect(trainer.steps).toBe(40)
    expect(last.loss).toBeLessThan(first.loss / 4)
    expect(net.buffers['1.batches']!.data[0]).toBe(40)
  })

  it('synchronous and asynchronous give the same bits', async () => {
    const [a, b] = [toyModel(backend), toyModel(backend)]
    const [trainerA, trainerB] = [toyTrainer(a), toyTrainer(b)]
    const { x, y } = toyData(90)
    for (let i = 0; i < 5; i++) {
      const rows = { x: x.subarray(0, (90 - i) * 4), y: y.subarray(0, 90 - i) }
      expect(await trainerA.step(rows)).toEqual(trainerB.stepSync(rows))
    }
    expect(numbersOf(a)).toEqual(numbersOf(b))
  })

  it('take bytes with scale and shift as the same numbers', async () => {
    const make = (input: object) => createModel(linear(3), { input: input as never, seed: 1, backend })
    const bytes = Uint8Array.from({ length: 40 }, (_, i) => (i * 37) % 256)
    const y = Int32Array.from({ length: 10 }, (_, i) => i % 3)
    const [a, b] = [make({ shape: [4], scale: 1 / 128, shift: -1 }), make([4])]
    const floats = Float32Array.from(bytes, (value) => Math.fround(Math.fround(value * Math.fround(1 / 128)) - 1))
    const [trainerA, trainerB] = [toyTrainer(a), toyTrainer(b)]
    for (let i = 0; i < 3; i++) expect(await trainerA.step({ x: bytes, y })).toEqual(await trainerB.step({ x: floats, y }))
    expect(numbersOf(a)).toEqual(numbersOf(b))
  })

  it('train values by mean squared error with AdamW and a schedule', async () => {
    const net = createModel(sequential(linear(8), relu(), linear(2)), { input: [4], seed: 3, backend })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: adamW({ learningRate: warmUp({ steps: 5, schedule: 0.02 }) }) })
    const { x } = toyData(64)
    const y = Float32Array.from({ length: 128 }, (_, i) => x[(i >> 1) * 4 + (i & 1)]! - x[(i >> 1) * 4 + 2]!)
    const first = await trainer.step({ x, y })
    const history = await trainer.fit({ x, y }, { epochs: 60, batchSize: 16 })
    expect(history.epochs.at(-1)!.loss).toBeLessThan(first.loss / 20)
  })

  it('leave frozen parameters alone, from the next step on', () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const data = toyData()
    trainer.stepSync(data)
    net.freeze('0.*')
    const before = numbersOf(net)
    trainer.stepSync(data)
    const after = numbersOf(net)
    for (const name of ['0.v', '0.g', '0.bias']) expect(after[name]).toEqual(before[name])
    expect(after['4.weight']).not.toEqual(before['4.weight'])
    net.unfreeze('*.v')
    trainer.stepSync(data)
    expect(numbersOf(net)['0.v']).not.toEqual(before['0.v'])
    expect(numbersOf(net)['0.g']).toEqual(before['0.g'])
  })

  it('use what was written to a parameter between them', () => {
    const [a, b] = [toyModel(backend), toyModel(backend)]
    const data = toyData()
    const [trainerA, trainerB] = [toyTrainer(a), toyTrainer(b)]
    expect(trainerA.stepSync(data).loss).toBe(trainerB.stepSync(data).loss)
    a.parameters['4.bias']!.data.set([1, -1, 0])
    expect(trainerA.stepSync(data).loss).not.toBe(trainerB.stepSync(data).loss)
  })

  it('grow with the batch', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const { x, y } = toyData(200)
    for (const rows of [4, 7, 200, 3])
      expect((await trainer.step({ x: x.subarray(0, rows * 4), y: y.subarray(0, rows) })).loss).toBeGreaterThan(0)
  })

  it('stop where a schedule throws, the steps before it done', async () => {
    const net = toyModel(backend)
    const schedule = {
      kind: 'own',
      options: {},
      at: (step: number) => {
        if (step === 10) throw new Error('no rate for step 10')
        return 0.01
      }
    }
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: schedule }) })
    expect((await rejection(trainer.fit(toyData(), { batchSize: 4 }))).message).toBe('no rate for step 10')
    expect(trainer.steps).toBe(10)
    expect(net.buffers['1.batches']!.data[0]).toBe(10)
  })
})

describe('results do not depend on', () => {
  it.runIf(modelBackends.includes('native'))('the number of threads', async () => {
    const train = async (threads: number) => {
      const net = toyModel('native', { threads })
      await toyTrainer(net).fit(toyData(500), { epochs: 3, batchSize: 64 })
      return numbersOf(net)
    }
    expect(await train(2)).toEqual(await train(1))
  })
})

describe('a trainer', () => {
  it('needs a loss and an optimizer', () => {
    const net = toyModel('portable')
    const optimizer = sgd({ learningRate: 0.1 })
    const messages = [
      thrown(() => net.trainer({ optimizer } as never)),
      thrown(() => net.trainer({ loss: softmaxCrossEntropy, optimizer } as never)),
      thrown(() => net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd } as never)),
      thrown(() => net.trainer({ loss: softmaxCrossEntropy(), optimiser: optimizer } as never))
    ].map(({ message }) => message)
    expect(messages).toMatchInlineSnapshot(`
      [
        "Model.trainer: expected loss to be a loss such as softmaxCrossEntropy(), or a function of prediction and target, got undefined",
        "Model.trainer: expected loss to be a loss such as softmaxCrossEntropy(), or a function of prediction and target, got function softmaxCrossEntropy. Call it: softmaxCrossEntropy(), not softmaxCrossEntropy",
        "Model.trainer: expected optimizer to be an optimizer such as sgd({ learningRate: 0.1 }), got function sgd. Call it: sgd({ learningRate: 0.1 }), not sgd",
        "Model.trainer: expected only the options loss, lossWeights, optimizer, onNonFinite, got 'optimiser'. Did you mean optimizer?",
      ]
    `)
  })

  it('refuses a model of which everything is frozen', () => {
    const net = toyModel('portable')
    net.freeze('*')
    expect(thrown(() => toyTrainer(net).stepSync(toyData())).message).toMatchInlineSnapshot(
      `"Trainer.stepSync: expected at least one parameter to train, got only frozen ones"`
    )
  })
})
