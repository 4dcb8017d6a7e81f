import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createModel, linear, loadModel } from '../../lib/index.js'
import { libraryVersion } from '../../lib/io/model-file.js'
import { modelBackends, numbersOf, rejection, toyData, toyModel, toyTrainer } from '../helpers/models.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-'))
})
afterAll(() => rm(folder, { recursive: true }))
const file = (name: string): string => path.join(folder, name)

/** By name: the metadata, and each tensor's record. */
type Header = Record<string, Record<string, unknown>>

/** The file with other metadata, or another header altogether. */
async function altered(name: string, change: (header: Header) => void): Promise<string> {
  const bytes = await readFile(file('model.safetensors'))
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString())
  change(header)
  const json = Buffer.from(JSON.stringify(header))
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(json.length))
  await writeFile(file(name), Buffer.concat([start, json, bytes.subarray(8 + length)]))
  return file(name)
}

it('the version is that of the package', async () => {
  expect(libraryVersion).toBe(JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')).version)
})

describe.each(modelBackends)('a saved model on %s', (backend) => {
  it('predicts the same bits, and trains on', async () => {
    const net = toyModel(backend)
    await toyTrainer(net).fit(toyData(), { epochs: 2 })
    await net.save(file('model.safetensors'))
    const again = await loadModel(file('model.safetensors'), { backend })
    const { x } = toyData(60, 4)
    expect(again.predictSync(x).data).toEqual(net.predictSync(x).data)
    expect(again.predictor().predictSync(x).data).toEqual(net.predictor().predictSync(x).data)
    expect(numbersOf(again)).toEqual(numbersOf(net))
    expect(again.seed).toBe(7)
    expect(again.summary()).toBe(net.summary())
    expect(await toyTrainer(again).step(toyData())).toEqual(await toyTrainer(net).step(toyData()))
    expect(numbersOf(again)).toEqual(numbersOf(net))
  })

  it('keeps scale, shift and a seed of 64 bits', async () => {
    const seed = 2n ** 64n - 1n
    const net = createModel(linear(2), { input: { shape: [3], scale: 1 / 255, shift: -0.5 }, seed, backend })
    await net.save(file('bytes.safetensors'))
    const again = await loadModel(file('bytes.safetensors'), { backend })
    expect(again.seed).toBe(seed)
    const bytes = Uint8Array.of(0, 128, 255)
    expect(again.predictSync(bytes).data).toEqual(net.predictSync(bytes).data)
  })

  it('is the same file for the same model, and one completed step during a fit', async () => {
    const net = toyModel(backend)
    await Promise.all([net.save(file('a.safetensors')), net.save(file('b.safetensors'))])
    expect(await readFile(file('a.safetensors'))).toEqual(await readFile(file('b.safetensors')))
    const trainer = toyTrainer(net)
    let running: Promise<unknown> | undefined
    await new Promise((resolve) => {
      running = trainer.fit(toyData(), { epochs: 1e6, onStep: resolve })
    })
    await net.save(file('during.safetensors'))
    trainer.stop()
    await running
    const saved = await loadModel(file('during.safetensors'), { backend })
    const steps = saved.buffers['1.batches']!.data[0]!
    expect(steps).toBeGreaterThan(0)
    // The steps once more, one by one: the file holds exactly these numbers.
    const twin = toyModel(backend)
    const twinTrainer = toyTrainer(twin)
    await twinTrainer.fit(toyData(), {
      epochs: 1e6,
      everyStep: true,
      onStep: ({ step }) => void (step === steps - 1 && twinTrainer.stop())
    })
    expect(numbersOf(saved)).toEqual(numbersOf(twin))
    expect((await readdir(folder)).filter((name) => name.endsWith('.evenkeel'))).toEqual([])
  })
})

describe('loadModel refuses', () => {
  beforeAll(() => toyModel('portable').save(file('model.safetensors')))

  const metadata = (change: Record<string, string>) => (header: Header) => void Object.assign(header.__metadata__!, change)
  const cases: readonly (readonly [string, (header: Header) => void])[] = [
    ['a file of another maker', metadata({ format: 'pt' })],
    ['another version', metadata({ formatVersion: '2', version: '3.1.0' })],
    ['no architecture', (header) => void delete header.__metadata__!.architecture],
    ['an unknown layer', metadata({ architecture: '{"kind":"attention"}' })],
    ['a layer that cannot be', metadata({ architecture: '{"kind":"dropout","options":{"rate":7}}' })],
    [
      'another architecture',
      metadata({
        architecture:
          '{"kind":"linear","options":{"units":3,"bias":true,"weightInitializer":{"kind":"zeros"},"biasInitializer":{"kind":"zeros"}}}'
      })
    ],
    [
      'a giant architecture',
      metadata({
        architecture:
          '{"kind":"linear","options":{"units":9007199254740991,"bias":false,"weightInitializer":{"kind":"zeros"},"biasInitializer":{"kind":"zeros"}}}'
      })
    ],
    ['another input', metadata({ input: '[5]' })],
    ['an input that is none', metadata({ input: '{"shape":"4"}' })],
    ['another seed', metadata({ seed: '-1' })],
    ['another dtype', (header) => void (header['0.g']!.dtype = 'I32')],
    ['another shape', (header) => void (header['0.g']!.shape = [4, 4])]
  ]

  it('what is not such a file', async () => {
    const messages: Record<string, string> = {}
    const record = async (name: string, promise: Promise<unknown>) => {
      const error = await rejection(promise)
      messages[name] = `${error.name} ${error.code}: ${error.message.replaceAll(folder, '')}`
    }
    for (const [name, change] of cases) await record(name, loadModel(await altered('altered.safetensors', change)))
    const bytes = await readFile(file('model.safetensors'))
    for (const [name, content] of [
      ['a truncated file', bytes.subarray(0, bytes.length - 1)],
      ['a longer file', Buffer.concat([bytes, Buffer.alloc(4)])],
      ['an empty file', Buffer.alloc(0)],
      ['text', Buffer.from('{"layers": []} and more text')]
    ] as const) {
      await writeFile(file('altered.safetensors'), content)
      await record(name, loadModel(file('altered.safetensors')))
    }
    await record('no file', loadModel(file('absent.safetensors')))
    await record('no path', loadModel(undefined as never))
    await record('an unknown option', loadModel(file('model.safetensors'), { custom: {} } as never))
    expect(messages).toMatchInlineSnapshot(`
      {
        "a file of another maker": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected a model that evenkeel saved (metadata format 'evenkeel'), got 'pt'",
        "a giant architecture": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected 'weight' as F32 of shape [9007199254740991, 4], got none",
        "a layer that cannot be": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel: the options of a 'dropout' layer do not make one: dropout: expected a rate from 0 to 1, got 7",
        "a longer file": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected 852 bytes of tensors, got 856",
        "a truncated file": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected 852 bytes of tensors, got 851: the file is truncated",
        "an empty file": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected a safetensors file of at least 8 bytes, got 0",
        "an input that is none": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected a model that can be made, got one that cannot: loadModel '/altered.safetensors': expected input.shape to be a shape, got '4'. Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }, or several of these by name",
        "an unknown layer": "FileFormatError EVENKEEL_UNKNOWN_LAYER: loadModel: expected layers of a known kind, got 'attention'. Give what defineLayer gave for it, loadModel(path, { layers: [attention] }), or a factory, { layers: { attention: (options, name, layers) => ... } }",
        "an unknown option": "TypeError EVENKEEL_OPTION: loadModel: expected only the options backend, threads, layers, model, got 'custom'",
        "another architecture": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected 'weight' as F32 of shape [3, 4], got none",
        "another dtype": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected '0.g' as F32 of shape [16], got I32 of shape [16]",
        "another input": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected '0.v' as F32 of shape [16, 5], got F32 of shape [16, 4]",
        "another seed": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected a seed, got '-1'",
        "another shape": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected '0.g' as F32 of shape [16], got F32 of shape [4, 4]",
        "another version": "FileFormatError EVENKEEL_FORMAT_VERSION: loadModel '/altered.safetensors': expected format version 1, got 2. Use evenkeel 3.1.0",
        "no architecture": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected metadata 'architecture' of JSON, got none",
        "no file": "Error ENOENT: ENOENT: no such file or directory, open '/absent.safetensors'",
        "no path": "TypeError EVENKEEL_TYPE: loadModel: expected a path, or the bytes of a file as a Uint8Array, got undefined",
        "text": "FileFormatError EVENKEEL_FILE_FORMAT: loadModel '/altered.safetensors': expected a safetensors file, got one that is none: its header would have 8318823033706652283 bytes, of at most 100000000. Give a file that save wrote",
      }
    `)
  })

  it('saving where there is no folder, and leaves nothing behind', async () => {
    const net = toyModel('portable')
    expect((await rejection(net.save(path.join(folder, 'no', 'folder.safetensors')))).code).toBe('ENOENT')
    await net.predict(new Float32Array(4))
  })
})
