import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  adam,
  batchNorm,
  checkpoint,
  createModel,
  dropout,
  earlyStopping,
  FileFormatError,
  linear,
  loadModel,
  type Model,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy
} from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-'))
})
afterAll(() => rm(folder, { recursive: true }))
const file = (name: string): string => path.join(folder, name)

type Header = Record<string, Record<string, unknown>>

async function altered(from: string, change: (header: Header, data: Buffer) => void): Promise<Uint8Array> {
  const bytes = await readFile(from)
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Header
  const data = Buffer.from(bytes.subarray(8 + length))
  change(header, data)
  const json = Buffer.from(JSON.stringify(header))
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([start, json, data])
}

let portableMessages: Record<string, string> = {}

describe.each(modelBackends)('a checkpoint on %s', (backend) => {
  const optimizers = [
    ['sgd', () => sgd({ learningRate: 0.05 })],
    ['momentum', () => sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true })],
    ['adam', () => adam()]
  ] as const

  it.each(optimizers)('of %s, at each step of an epoch: what goes on from it is what would have been', async (name, optimizer) => {
    const data = toyData(90)
    const options = { epochs: 3, batchSize: 20, everyStep: true }
    const make = (seed: number) => {
      const net = toyModel(backend, { seed })
      return { net, trainer: net.trainer({ loss: softmaxCrossEntropy(), optimizer: optimizer() }) }
    }
    const whole = make(7)
    const paths: string[] = []
    const history = await whole.trainer.fit(data, {
      ...options,
      async onStep({ step }) {
        if (step % 4 !== 1) return
        paths.push(file(`${backend}-${name}-${step}`))
        await whole.trainer.saveCheckpoint(paths.at(-1)!)
      }
    })
    expect(paths.length).toBe(4)
    const expected = numbersOf(whole.net)
    for (const path of paths) {
      // Another seed: the checkpoint's counts.
      const { net, trainer } = make(8)
      await trainer.loadCheckpoint(path)
      const rest = await trainer.fit(data, { ...options, resume: true })
      expect(net.seed).toBe(7)
      expect(numbersOf(net)).toEqual(expected)
      expect([trainer.steps, trainer.epochs]).toEqual([15, 3])
      const records = rest.epochs.map(({ seconds: _, samplesPerSecond: __, ...record }) => record)
      expect(records).toEqual(history.epochs.slice(-records.length).map(({ seconds: _, samplesPerSecond: __, ...record }) => record))
      // And back in the trainer that wrote it, whose memory holds later steps.
      await whole.trainer.loadCheckpoint(path)
      await whole.trainer.fit(data, { ...options, resume: true })
      expect(numbersOf(whole.net)).toEqual(expected)
      expect(await trainer.step(data)).toEqual(await whole.trainer.step(data))
    }
  })

  it('is one completed step of a fit on its way, and the model file of that step', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    let running: Promise<unknown> | undefined
    await new Promise((resolve) => (running = trainer.fit(toyData(), { epochs: 1e6, batchSize: 8, onStep: resolve })))
    await trainer.saveCheckpoint(pathToFileURL(file('during')))
    trainer.stop()
    await running
    const again = toyModel(backend)
    const other = toyTrainer(again)
    await other.loadCheckpoint(await readFile(file('during')))
    // The number of the step is that of the statistics: no crossing lies between the two.
    expect(again.buffers['1.batches']!.data[0]).toBe(other.steps)
    expect(other.steps).toBeGreaterThan(0)
    const twin = toyModel(backend)
    const twinTrainer = toyTrainer(twin)
    await twinTrainer.fit(toyData(), {
      epochs: 1e6,
      batchSize: 8,
      everyStep: true,
      onStep: ({ step }) => void (step === other.steps - 1 && twinTrainer.stop())
    })
    expect(numbersOf(again)).toEqual(numbersOf(twin))
    expect(numbersOf(await loadModel(file('during'), { backend }))).toEqual(numbersOf(twin))
    // A fit that was stopped goes on in the middle of its epoch; both do alike.
    const epochs = other.epochs + 1
    await other.fit(toyData(), { epochs, batchSize: 8, resume: true })
    await twinTrainer.fit(toyData(), { epochs, batchSize: 8, resume: true })
    expect(numbersOf(again)).toEqual(numbersOf(twin))
  })

  it('keeps what is frozen, the factor of the rate, and what callbacks remember', async () => {
    const data = toyData()
    const made = (patience = 1) => {
      const net = toyModel(backend)
      const stopping = earlyStopping({ monitor: 'loss', patience, minDelta: 10, restoreBest: true })
      return { net, trainer: toyTrainer(net), callbacks: [stopping, checkpoint({ path: file('callbacks') })] }
    }
    const first = made()
    first.net.freeze('0.*')
    first.trainer.learningRateFactor = 0.25
    // The second epoch is no better by 10, so the fit stops, and restores the first.
    const { epochs, stopped } = await first.trainer.fit(data, { epochs: 5, callbacks: first.callbacks })
    expect([epochs.length, stopped]).toEqual([2, true])
    const second = made()
    const { epochs: none } = await second.trainer.fit(data, { epochs: 5, resume: file('callbacks'), callbacks: second.callbacks })
    expect(none).toEqual([])
    expect(second.trainer.learningRateFactor).toBe(0.25)
    expect(second.net.summary()).toBe(first.net.summary())
    expect(numbersOf(second.net)).toEqual(numbersOf(first.net))
  })

  it('is written for the best epoch only where that is asked', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const monitored: number[] = []
    // One's own monitor: better, worse, best, worse.
    const values = [3, 4, 1, 2]
    const metric = {
      kind: 'score',
      name: 'score',
      target: 'classes' as const,
      start: () => ({ update: () => undefined, result: () => values[monitored.push(0) - 1]! })
    }
    const best = checkpoint({ path: file('best'), best: true, monitor: 'validationScore', mode: 'min' })
    await trainer.fit(toyData(), { epochs: 4, validation: 0.2, metrics: [metric as never], callbacks: [best] })
    const other = toyTrainer(toyModel(backend))
    await other.loadCheckpoint(file('best'))
    expect(other.epochs).toBe(3)
  })

  it('is refused where it does not fit, and nothing changes', async () => {
    const net = toyModel(backend)
    const trainer = toyTrainer(net)
    const data = toyData()
    await trainer.fit(data, { epochs: 2 })
    await trainer.saveCheckpoint(file('good'))
    await net.save(file('model'))
    await trainer.step(data)
    const before = numbersOf(net)
    const state = (change: (state: Record<string, unknown>) => void) =>
      altered(file('good'), (header) => {
        const given = JSON.parse(header.__metadata__!.checkpoint as string)
        change(given)
        header.__metadata__!.checkpoint = JSON.stringify(given)
      })
    const other = createModel(sequential(linear(5), relu(), linear(3)), { input: [4], backend })
    const cases: Record<string, () => Promise<unknown>> = {
      'a model': () => trainer.loadCheckpoint(file('model')),
      'no file': () => trainer.loadCheckpoint(file('absent')),
      'no path': () => trainer.loadCheckpoint(7 as never),
      'other bytes': () => trainer.loadCheckpoint(Uint8Array.of(1, 2, 3)),
      'a truncated file': async () => trainer.loadCheckpoint((await readFile(file('good'))).subarray(0, -1)),
      'another model': () => toyTrainer(other).loadCheckpoint(file('good')),
      'another optimizer': () =>
        net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 1 }) }).loadCheckpoint(file('good')),
      'another version': async () =>
        trainer.loadCheckpoint(await altered(file('good'), (header) => void (header.__metadata__!.formatVersion = '2'))),
      'no state': async () => trainer.loadCheckpoint(await altered(file('good'), (header) => void (header.__metadata__!.checkpoint = '7'))),
      'a negative step': async () => trainer.loadCheckpoint(await state((given) => void (given.steps = -1))),
      'a strange position': async () => trainer.loadCheckpoint(await state((given) => void (given.position = { batch: 3 }))),
      'a strange frozen parameter': async () => trainer.loadCheckpoint(await state((given) => void (given.frozen = ['7.w']))),
      'a velocity that is no number': async () =>
        trainer.loadCheckpoint(
          await altered(file('good'), (header, bytes) => {
            bytes.writeFloatLE(Number.NaN, (header['*optimizer.velocity.0.g']!.data_offsets as number[])[0]!)
          })
        ),
      'an unknown option': () => trainer.saveCheckpoint(file('good'), { atomic: true } as never),
      'no folder': () => trainer.saveCheckpoint(path.join(folder, 'no', 'folder')),
      resume: () => trainer.fit(data, { resume: 7 as never })
    }
    const messages: Record<string, string> = {}
    for (const [name, body] of Object.entries(cases)) {
      const error = await rejection(body())
      messages[name] =
        `${error.name} ${error.code}: ${error.message.replaceAll(folder, '').replace(/\.[0-9a-f]{12}\.\d+\.\d+\.[0-9a-f]{16}/, '.hex')}`
      expect(numbersOf(net), name).toEqual(before)
      expect(trainer.steps, name).toBe(15)
    }
    // One snapshot for all backends, by the one that is always there.
    if (backend === 'portable') expect(messages).toMatchSnapshot()
    else expect(messages).toEqual(portableMessages)
    portableMessages = messages
    const running = trainer.fit(data)
    expect((await rejection(trainer.loadCheckpoint(file('good')))).code).toBe('EVENKEEL_BUSY')
    await running
    await trainer.loadCheckpoint(file('good'))
    expect(trainer.steps).toBe(14)
    trainer.dispose()
    expect((await rejection(trainer.saveCheckpoint(file('good')))).code).toBe('EVENKEEL_DISPOSED')
    expect((await readdir(folder)).filter((name) => name.endsWith('.evenkeel'))).toEqual([])
  })

  it('goes on in the middle of an epoch only with the data and batches that it had', async () => {
    const trainer = toyTrainer(toyModel(backend))
    await trainer.fit(toyData(), { everyStep: true, batchSize: 50, onStep: ({ step }) => void (step === 1 && trainer.stop()) })
    await trainer.saveCheckpoint(file('position'))
    const others = [toyData(199), toyData()] as const
    for (const [index, data] of others.entries()) {
      const error = await rejection(toyTrainer(toyModel(backend)).fit(data, { batchSize: 50 - index, resume: file('position') }))
      expect(error).toMatchObject({ name: 'RangeError', code: 'EVENKEEL_CHECKPOINT' })
    }
    const again = toyTrainer(toyModel(backend))
    expect((await again.fit(toyData(), { batchSize: 50, resume: file('position') })).epochs).toMatchObject([{ epoch: 0, steps: 4 }])
  })
})

describe.each(modelBackends)('loadWeights on %s', (backend) => {
  const layers = (name: string) => sequential(linear(4, { name }), batchNorm({ name: 'bn' }), relu(), dropout(0.1), linear(2))
  const model = (name: string, seed = 1): Model => createModel(layers(name), { input: [3], seed, backend })

  it('takes what has the same name, from a path, a URL, bytes or a checkpoint', async () => {
    const net = model('a')
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: adam() })
    await trainer.step({ x: toyData(20).x.subarray(0, 60), y: toyData(20).y.map((label) => label % 2) })
    await net.save(file('weights'))
    await trainer.saveCheckpoint(file('weights-checkpoint'))
    const bytes = await net.toBytes()
    expect(Buffer.from(bytes).equals(await readFile(file('weights')))).toBe(true)
    const sources: readonly (string | URL | Uint8Array)[] = [
      file('weights'),
      pathToFileURL(file('weights')),
      bytes,
      file('weights-checkpoint')
    ]
    for (const source of sources) {
      const other = model('a', 2)
      const result = await other.loadWeights(source)
      expect(result).toEqual({ loaded: expect.any(Array), missing: [], unexpected: [], mismatched: [] })
      expect([...result.loaded].sort()).toEqual(Object.keys(numbersOf(net)).sort())
      expect(numbersOf(other)).toEqual(numbersOf(net))
      expect(numbersOf(await loadModel(source, { backend }))).toEqual(numbersOf(net))
    }
  })

  it('tells what does not fit, and changes nothing where it is strict', async () => {
    const net = model('a')
    await net.save(file('weights'))
    const wider = createModel(sequential(linear(4, { name: 'b' }), batchNorm({ name: 'bn' }), relu(), linear(5)), {
      input: [3],
      seed: 2,
      backend
    })
    const before = numbersOf(wider)
    const error = await rejection(wider.loadWeights(file('weights')))
    expect(error).toBeInstanceOf(FileFormatError)
    expect(error).toMatchObject({
      code: 'EVENKEEL_WEIGHTS',
      missing: ['b.weight', 'b.bias', '3.weight', '3.bias'],
      unexpected: ['4.bias', '4.weight', 'a.bias', 'a.weight'],
      mismatched: []
    })
    expect(numbersOf(wider)).toEqual(before)
    const map = { 'a.weight': 'b.weight', 'a.bias': 'b.bias', '4.weight': '3.weight' }
    const mixed = await wider.loadWeights(file('weights'), { strict: false, map })
    expect(mixed).toMatchObject({
      missing: ['3.bias'],
      unexpected: ['4.bias'],
      mismatched: [{ name: '3.weight', expected: 'F32 [5, 4]', actual: 'F32 [2, 4]' }]
    })
    const expected = { ...before }
    for (const name of mixed.loaded) expected[name] = numbersOf(net)[name.replace(/^b\./, 'a.')]!
    expect(mixed.loaded).toContain('b.weight')
    expect(numbersOf(wider)).toEqual(expected)
    // A function, which may leave tensors out.
    const named = await wider.loadWeights(file('weights'), { strict: false, map: (name) => (name.startsWith('4') ? undefined : name) })
    expect(named.unexpected).toEqual(['a.bias', 'a.weight'])
  })

  it('refuses what is no file of weights', async () => {
    const net = model('a')
    await writeFile(file('text'), 'some text that is long enough')
    const codes: Record<string, string | undefined> = {}
    const cases: Record<string, () => Promise<unknown>> = {
      text: () => net.loadWeights(file('text')),
      'no path': () => net.loadWeights(undefined as never),
      'no file': () => net.loadWeights(file('absent')),
      'a map of numbers': () => net.loadWeights(file('weights'), { map: { 'a.bias': 3 } as never }),
      'a map to numbers': () => net.loadWeights(file('weights'), { map: (() => 3) as never }),
      'one name twice': () => net.loadWeights(file('weights'), { map: { 'a.bias': '4.bias' } }),
      'no boolean': () => net.loadWeights(file('weights'), { strict: 'yes' as never }),
      misspelled: () => net.loadWeights(file('weights'), { mapping: {} } as never)
    }
    for (const [name, body] of Object.entries(cases)) codes[name] = (await rejection(body())).code
    expect(codes).toEqual({
      text: 'EVENKEEL_FILE_FORMAT',
      'no path': 'EVENKEEL_TYPE',
      'no file': 'ENOENT',
      'a map of numbers': 'EVENKEEL_TYPE',
      'a map to numbers': 'EVENKEEL_TYPE',
      'one name twice': 'EVENKEEL_WEIGHTS',
      'no boolean': 'EVENKEEL_TYPE',
      misspelled: 'EVENKEEL_OPTION'
    })
    net.dispose()
    expect((await rejection(net.loadWeights(file('weights')))).code).toBe('EVENKEEL_DISPOSED')
  })
})

it('the callback refuses options that contradict each other', () => {
  const cases = {
    'no path': () => checkpoint({} as never),
    'a monitor without best': () => checkpoint({ path: 'a', monitor: 'loss' }),
    'steps with best': () => checkpoint({ path: 'a', best: true, everySteps: 3 }),
    "Keras's name": () => checkpoint({ path: 'a', saveBestOnly: true } as never)
  }
  expect(Object.fromEntries(Object.entries(cases).map(([name, body]) => [name, thrown(body).message]))).toMatchSnapshot()
})
