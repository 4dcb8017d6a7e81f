import { describe, expect, it } from 'vitest'
import {
  adam,
  adamW,
  batchNorm,
  createModel,
  dropout,
  heUniform,
  linear,
  type Model,
  meanSquaredError,
  NonFiniteError,
  orthogonal,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  tensor,
  weightNorm
} from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'

/** ES2024, which the configured lib does not know. */
type ResizableConstructor = new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer

/** The messages on the portable backend, which comes first; those on the native one are the same. */
const portableMessages = new Map<string, Record<string, string>>()

describe.each(modelBackends)('data that do not fit, on %s', (backend) => {
  const { x, y } = toyData(12)
  const detached = () => {
    const copy = x.slice()
    structuredClone(copy.buffer, { transfer: [copy.buffer] })
    return copy
  }
  const withValue = (value: number) => {
    const copy = x.slice()
    copy[5 * 4 + 1] = value
    return copy
  }
  const cases: readonly (readonly [string, unknown])[] = [
    ['no data', undefined],
    ['no y', { x }],
    ['another length', { x: x.subarray(0, 13), y }],
    ['another shape', { x: tensor(new Float32Array(36), [12, 3]), y }],
    [
      'ragged rows',
      {
        x: [
          [1, 2, 3, 4],
          [1, 2]
        ],
        y: [0, 1]
      }
    ],
    ['text', { x: 'rows', y }],
    ['bigints', { x: new BigInt64Array(48), y }],
    ['more labels than rows', { x, y: [...y, 0] }],
    ['labels that are no integers', { x, y: [...y.subarray(1), 0.5] }],
    ['labels as floats', { x, y: Float32Array.from(y) }],
    ['a label too large', { x, y: [...y.subarray(1), 3] }],
    ['a negative label', { x, y: [...y.subarray(1), -1] }],
    ['no rows', { x: [], y: [] }],
    ['one row', { x: x.subarray(0, 4), y: [0] }],
    ['a detached buffer', { x: detached(), y }],
    ['NaN', { x: withValue(Number.NaN), y }],
    ['infinity', { x: withValue(Number.POSITIVE_INFINITY), y }]
  ]

  it.each(['step', 'stepSync', 'fit'] as const)('%s refuses, and changes nothing', async (method) => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    await trainer.step({ x, y })
    const before = numbersOf(net)
    const messages: Record<string, string> = {}
    for (const [name, data] of cases) {
      const error =
        method === 'stepSync'
          ? thrown(() => trainer.stepSync(data as never))
          : await rejection(method === 'fit' ? trainer.fit(data as never, { shuffle: false }) : trainer.step(data as never))
      messages[name] = `${error.name} ${error.code}: ${error.message}`
      expect(numbersOf(net), name).toEqual(before)
      expect(trainer.steps, name).toBe(1)
    }
    if (backend === 'portable') {
      expect(messages).toMatchSnapshot(method)
      portableMessages.set(method, messages)
    } else expect(messages).toEqual(portableMessages.get(method))
    // And the optimizer's state: the next step is that of a trainer that saw none of it.
    const twin = toyModel(backend)
    const twinTrainer = toyTrainer(twin)
    await twinTrainer.step({ x, y })
    expect(await trainer.step({ x, y })).toEqual(await twinTrainer.step({ x, y }))
    expect(numbersOf(net)).toEqual(numbersOf(twin))
  })

  it('names the row of the data, not of the batch', async () => {
    const { x, y } = toyData(64)
    x[37 * 4 + 2] = Number.NaN
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const error = (await rejection(trainer.fit({ x, y }, { batchSize: 8 }))) as NonFiniteError
    expect(error).toBeInstanceOf(NonFiniteError)
    expect(error).toMatchObject({ layer: 'x', step: trainer.steps, code: 'EVENKEEL_NON_FINITE' })
    expect(error.message).toBe(
      `Trainer.fit: expected finite numbers in x, got NaN or infinity in row 37, at step ${trainer.steps}. Clean the data; nothing of the step was kept`
    )
    expect(net.buffers['1.batches']!.data[0]).toBe(trainer.steps)
  })

  it('refuses a step whose loss or gradients overflow, with all state as it was', async () => {
    const { x } = toyData(8)
    const huge = Float32Array.from(x, (value) => value * 1e20)
    const make = () => createModel(sequential(linear(4), relu(), linear(2)), { input: [4], seed: 3, backend })
    const [net, twin] = [make(), make()]
    const train = (model: typeof net) => model.trainer({ loss: meanSquaredError(), optimizer: adam() })
    const [trainer, twinTrainer] = [train(net), train(twin)]
    const targets = new Float32Array(16)
    expect(trainer.stepSync({ x, y: targets })).toEqual(twinTrainer.stepSync({ x, y: targets }))
    const loss = (await rejection(trainer.step({ x: huge, y: targets }))) as NonFiniteError
    expect({ layer: loss.layer, step: loss.step, message: loss.message }).toMatchInlineSnapshot(`
      {
        "layer": "loss",
        "message": "Trainer.step: expected a finite loss, got NaN or infinity, at step 1. Lower the learning rate or scale the inputs; nothing of the step was kept",
        "step": 1,
      }
    `)
    const small = createModel(linear(1, { bias: false }), { input: [1], seed: 1, backend })
    small.parameters.weight!.data[0] = 0
    const smallTrainer = small.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 1 }) })
    // The loss is 1e38, its gradient 2e19 · 1e20.
    const gradient = (await rejection(smallTrainer.step({ x: [[1e20]], y: Float32Array.of(1e19) }))) as NonFiniteError
    expect({ layer: gradient.layer, step: gradient.step, message: gradient.message }).toMatchInlineSnapshot(`
      {
        "layer": "weight",
        "message": "Trainer.step: expected finite gradients and statistics in 'weight', got NaN or infinity, at step 0. Lower the learning rate or scale the inputs; nothing of the step was kept",
        "step": 0,
      }
    `)
    expect(small.parameters.weight!.data[0]).toBe(0)
    expect(trainer.stepSync({ x, y: targets })).toEqual(twinTrainer.stepSync({ x, y: targets }))
    expect(numbersOf(net)).toEqual(numbersOf(twin))
  })

  it.each([
    ['sgd', (learningRate: number) => sgd({ learningRate })],
    ['momentum', (learningRate: number) => sgd({ learningRate, momentum: 0.9, weightDecay: 1e-4 })],
    ['Nesterov', (learningRate: number) => sgd({ learningRate, momentum: 0.9, nesterov: true, maxNorm: 3 })],
    ['adam', (learningRate: number) => adam({ learningRate, weightDecay: 1e-4 })],
    ['adamW', (learningRate: number) => adamW({ learningRate })]
  ])('refuses a step of %s whose update would overflow, with all state as it was', async (_name, optimizer) => {
    const { x: small, y } = toyData(64)
    const x = small.map((value) => value * 1000)
    const make = () => createModel(sequential(linear(8), relu(), linear(3)), { input: [4], seed: 5, backend })
    // One step of the schedule is far too large; the trainer is asked for it again and again.
    const rate = (huge: number) => ({ kind: 'own', options: {}, at: (step: number) => (step === 2 ? huge : 0.01) })
    const train = (net: Model, huge: number) => {
      const made = optimizer(0.01)
      const schedule = rate(huge)
      const stepValues = (step: number, factor?: number) => optimizer(schedule.at(step)).stepValues(step, factor)
      return net.trainer({ loss: softmaxCrossEntropy(), optimizer: { ...made, learningRate: schedule, stepValues } })
    }
    const [net, twin] = [make(), make()]
    const [trainer, twinTrainer] = [train(net, 3e38), train(twin, 0.01)]
    for (let i = 0; i < 2; i++) expect(await trainer.step({ x, y })).toEqual(await twinTrainer.step({ x, y }))
    const before = numbersOf(net)
    for (const attempt of [() => rejection(trainer.step({ x, y })), async () => thrown(() => trainer.stepSync({ x, y }))]) {
      const error = (await attempt()) as NonFiniteError
      expect(error).toBeInstanceOf(NonFiniteError)
      expect(error).toMatchObject({ layer: expect.stringMatching(/^[02]\.(bias|weight)$/), step: 2 })
      expect(error.message).toMatch(
        /^Trainer\.step(Sync)?: expected an update that leaves finite numbers in '.*', got one that overflows, at step 2\. Lower the learning rate; nothing of the step was kept$/
      )
      expect(numbersOf(net)).toEqual(before)
    }
    // The rate of a fit is huge at one of its steps: those before it stand.
    const fitted = train(make(), 3e38)
    expect(await rejection(fitted.fit({ x, y }, { batchSize: 8 }))).toMatchObject({ code: 'EVENKEEL_NON_FINITE', step: 2 })
    expect(fitted.steps).toBe(2)
  })

  it('refuses a last batch of one row', async () => {
    const { x, y } = toyData(33)
    const trainer = toyTrainer(toyModel(backend))
    const messages = [
      await rejection(trainer.fit({ x, y }, { lastBatch: 'keep' })),
      await rejection(trainer.fit({ x, y }, { batchSize: 1 })),
      await rejection(trainer.fit({ x, y }, { batchSize: 64, lastBatch: 'drop' })),
      await rejection(trainer.fit({ x: x.subarray(0, 4), y: y.subarray(0, 1) }))
    ].map(({ message }) => message)
    expect(messages).toMatchInlineSnapshot(`
      [
        "Trainer.fit: expected training batches of at least 2 rows, got 1. Batch normalization would see one value a channel, whose variance is 0. Use lastBatch: 'balance'",
        "Trainer.fit: expected training batches of at least 2 rows, got 1. Batch normalization would see one value a channel, whose variance is 0. Use a larger batchSize",
        "Trainer.fit: expected at least batchSize = 64 rows with lastBatch 'drop', got 33",
        "Trainer.fit: expected training batches of at least 2 rows, got 1. Batch normalization would see one value a channel, whose variance is 0. Give more rows",
      ]
    `)
    expect(trainer.steps).toBe(0)
    expect((await trainer.fit({ x, y })).epochs[0]!.steps).toBe(2)
  })

  it.each(['transferred', 'resized', 'written'])('survives memory that is %s while it trains', async (what) => {
    const rows = 4000
    const data = toyData(rows)
    const buffer = new (ArrayBuffer as ResizableConstructor)(rows * 16, { maxByteLength: rows * 16 })
    const x = new Float32Array(buffer)
    x.set(data.x)
    const trainer = toyTrainer(toyModel(backend))
    const running = trainer.fit(
      { x, y: data.y },
      {
        epochs: 3,
        onStep: ({ step }) => {
          if (step !== 20) return
          if (what === 'transferred') structuredClone(buffer, { transfer: [buffer] })
          if (what === 'resized') (buffer as unknown as { resize(bytes: number): void }).resize(64)
          if (what === 'written') x.fill(1)
        }
      }
    )
    if (what === 'written') {
      expect((await running).epochs.length).toBe(3)
      return
    }
    const error = await rejection(running)
    expect(error.code).toBe('EVENKEEL_DETACHED')
    expect(error.message).toBe(
      'Trainer.fit: expected x with its memory, got a detached Float32Array. Its buffer was transferred or resized; pass a copy, or the data before the transfer'
    )
    expect(trainer.steps).toBeGreaterThan(20)
    await trainer.step(data)
  })
})

describe('layers and models that cannot be', () => {
  it('say what was expected', () => {
    const cases: Record<string, () => unknown> = {
      'a rate above 1': () => dropout(1.5),
      'a rate that is NaN': () => dropout(Number.NaN),
      momentum: () => batchNorm({ momentum: 0.1 } as never),
      'a misspelled option': () => batchNorm({ epsilom: 1e-3 } as never),
      'no layer': () => createModel(relu as never, { input: [4] }),
      'no options': () => createModel(linear(3), undefined as never),
      'no input': () => createModel(linear(3), {} as never),
      'an input size of 0': () => createModel(linear(3), { input: [0] }),
      'a batch dimension': () => createModel(linear(3), { input: [null as never, 4] }),
      "Keras's option": () => createModel(linear(3), { inputShape: [4] } as never),
      'a scale that is no number': () => createModel(linear(3), { input: { shape: [4], scale: '1/255' as never } }),
      'a negative seed': () => createModel(linear(3), { input: [4], seed: -1 }),
      'another backend': () => createModel(linear(3), { input: [4], backend: 'cuda' as never }),
      'no threads': () => createModel(linear(3), { input: [4], threads: 0 }),
      'heUniform for a bias': () => createModel(linear(3, { biasInitializer: heUniform() }), { input: [4] }),
      'orthogonal for a bias': () =>
        createModel(sequential(relu(), weightNorm(linear(3, { name: 'out', biasInitializer: orthogonal() }))), { input: [4] }),
      'an initializer that was not called': () => createModel(linear(3, { weightInitializer: heUniform as never }), { input: [4] }),
      'no initializer': () => createModel(linear(3, { biasInitializer: 'zeros' as never }), { input: [4] }),
      'one name twice': () => createModel(sequential(linear(3, { name: 'a' }), linear(3, { name: 'a' })), { input: [4] })
    }
    expect(Object.fromEntries(Object.entries(cases).map(([name, body]) => [name, thrown(body).message]))).toMatchInlineSnapshot(`
      {
        "Keras's option": "createModel: expected only the options input, seed, preprocessing, backend, threads, got 'inputShape'. Use input",
        "a batch dimension": "createModel: expected input sizes of at least 1, without the batch dimension, in [null, 4], got null",
        "a misspelled option": "batchNorm: expected only the options axis, decay, epsilon, scale, center, name, got 'epsilom'. Did you mean epsilon?",
        "a negative seed": "createModel: expected seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n, got -1. Larger seeds are written as a bigint, such as 123n",
        "a rate above 1": "dropout: expected a rate from 0 to 1, got 1.5",
        "a rate that is NaN": "dropout: expected a rate from 0 to 1, got NaN",
        "a scale that is no number": "createModel: expected input.scale to be a finite number, got '1/255'",
        "an initializer that was not called": "createModel: expected an initializer for 'weight', got function heUniform. Call it: heUniform(), not heUniform",
        "an input size of 0": "createModel: expected input sizes of at least 1, without the batch dimension, in [0], got 0",
        "another backend": "createModel: expected backend to be 'auto' or 'native' or 'portable', got 'cuda'",
        "heUniform for a bias": "heUniform: expected a weight of two or more dimensions, [outputs, ..., inputs] for 'bias', got [3]. Use zeros, constant, uniform or normal",
        "momentum": "batchNorm: expected only the options axis, decay, epsilon, scale, center, name, got 'momentum'. The option is called decay, the share of the old statistics that is kept: decay = 1 − momentum for PyTorch's momentum (0.1 there is decay 0.9), decay = momentum for Keras's (0.99 there is decay 0.99)",
        "no initializer": "createModel: expected an initializer for 'bias', got 'zeros'. Such as heUniform()",
        "no input": "createModel: expected input to be a shape, got undefined. Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }, or several of these by name",
        "no layer": "relu: expected an options object, got a value of a model. A layer is made first and then applied: relu()(x)",
        "no options": "createModel: expected input to be a shape, got undefined. Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }, or several of these by name",
        "no threads": "createModel: expected threads to be an integer at least 1 and at most 256, got 0",
        "one name twice": "createModel: expected every parameter to have a name of its own, got 'a.weight' twice. Give one of the layers another name",
        "orthogonal for a bias": "orthogonal: expected a weight of two or more dimensions, [outputs, ..., inputs] for 'out.bias', got [3]. Use zeros, constant, uniform or normal",
      }
    `)
  })
})

describe('two runs at once', () => {
  it.each(modelBackends)('are refused at once on %s, and the first goes on', async (backend) => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const other = toyTrainer(net)
    const data = toyData()
    const first = trainer.step(data)
    const refused = {
      step: await rejection(trainer.step(data)),
      'step of another trainer': await rejection(other.step(data)),
      fit: await rejection(trainer.fit(data)),
      stepSync: thrown(() => trainer.stepSync(data)),
      predictSync: thrown(() => net.predictSync(data.x)),
      freeze: thrown(() => net.freeze('*'))
    }
    for (const error of Object.values(refused)) expect(error.code).toBe('EVENKEEL_BUSY')
    expect(Object.fromEntries(Object.entries(refused).map(([name, { message }]) => [name, message]))).toMatchInlineSnapshot(`
      {
        "fit": "Trainer.fit: expected no other training of this model on its way, got a step. Await it before the next",
        "freeze": "Model.freeze: expected no run of this model on its way, got 1. Await it first",
        "predictSync": "Model.predictSync: expected no run of this model on its way, got 1. Await it first",
        "step": "Trainer.step: expected no other training of this model on its way, got a step. Await it before the next",
        "step of another trainer": "Trainer.step: expected no other training of this model on its way, got a step. Await it before the next",
        "stepSync": "Trainer.stepSync: expected no run of this model on its way, got 1. Await it first",
      }
    `)
    expect((await first).step).toBe(0)
    expect(trainer.stepSync(data).step).toBe(1)
    const predicting = net.predict(data.x)
    expect(thrown(() => trainer.stepSync(data)).code).toBe('EVENKEEL_BUSY')
    // A step waits for a prediction.
    expect((await trainer.step(data)).step).toBe(2)
    await predicting
  })
})

describe.each(modelBackends)('after dispose, on %s', (backend) => {
  it('everything is refused', async () => {
    const net = toyModel(backend)
    const data = toyData()
    const trainer = toyTrainer(net)
    const predictor = net.predictor()
    await trainer.step(data)
    net.dispose()
    net.dispose()
    const refused = {
      parameters: thrown(() => net.parameters),
      buffers: thrown(() => net.buffers),
      predict: await rejection(net.predict(data.x)),
      predictSync: thrown(() => net.predictSync(data.x)),
      evaluate: await rejection(net.evaluate(data)),
      save: await rejection(net.save('/nowhere/model.safetensors')),
      trainer: thrown(() => net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 1 }) })),
      predictor: thrown(() => net.predictor()),
      freeze: thrown(() => net.freeze('*')),
      step: await rejection(trainer.step(data)),
      stepSync: thrown(() => trainer.stepSync(data)),
      fit: await rejection(trainer.fit(data)),
      refresh: await rejection(predictor.refresh())
    }
    for (const error of Object.values(refused)) expect(error.code).toBe('EVENKEEL_DISPOSED')
    expect(Object.fromEntries(Object.entries(refused).map(([name, { message }]) => [name, message]))).toMatchInlineSnapshot(`
      {
        "buffers": "Model.buffers: expected a model in use, got one that was disposed of",
        "evaluate": "Model.evaluate: expected a model in use, got one that was disposed of",
        "fit": "Trainer.fit: expected a model in use, got one that was disposed of",
        "freeze": "Model.freeze: expected a model in use, got one that was disposed of",
        "parameters": "Model.parameters: expected a model in use, got one that was disposed of",
        "predict": "Model.predict: expected a model in use, got one that was disposed of",
        "predictSync": "Model.predictSync: expected a model in use, got one that was disposed of",
        "predictor": "Model.predictor: expected a model in use, got one that was disposed of",
        "refresh": "Predictor.refresh: expected a model in use, got one that was disposed of",
        "save": "Model.save: expected a model in use, got one that was disposed of",
        "step": "Trainer.step: expected a model in use, got one that was disposed of",
        "stepSync": "Trainer.stepSync: expected a model in use, got one that was disposed of",
        "trainer": "Model.trainer: expected a model in use, got one that was disposed of",
      }
    `)
    // The predictor took its copy before the step.
    expect(predictor.predictSync(data.x).shape).toEqual([200, 3])
    predictor.dispose()
    expect((await rejection(predictor.predict(data.x))).message).toMatchInlineSnapshot(
      `"Predictor.predict: expected a predictor in use, got one that was disposed of"`
    )
  })

  it('a run on its way ends after its step and rejects', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const running = trainer.fit(toyData(), { epochs: 1e6 })
    await new Promise((resolve) => setTimeout(resolve, 30))
    const ended = rejection(running)
    await net[Symbol.asyncDispose]()
    expect((await ended).code).toBe('EVENKEEL_DISPOSED')
    const second = toyModel(backend)
    const secondTrainer = toyTrainer(second)
    const again = rejection(secondTrainer.fit(toyData(), { epochs: 1e6 }))
    await new Promise((resolve) => setTimeout(resolve, 30))
    secondTrainer.dispose()
    expect((await again).message).toMatchInlineSnapshot(`"Trainer.fit: expected a trainer in use, got one that was disposed of"`)
    // The model lives on.
    expect((await second.predict(toyData().x)).shape).toEqual([200, 3])
  })
})
