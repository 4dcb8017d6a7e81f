import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileFormatError } from '../../lib/errors.js'
import { type NamedTensor, openSafetensors, type TensorData, writeSafetensors } from '../../lib/io/safetensors.js'

let folder = ''
let file = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-safetensors-'))
  file = path.join(folder, 'model.safetensors')
})
afterAll(() => rm(folder, { recursive: true }))

const write = (tensors: NamedTensor[], metadata?: Record<string, string>): Promise<void> =>
  writeSafetensors('save', file, tensors, metadata ? { metadata } : {})

async function readAll(): Promise<{
  metadata: Record<string, string>
  tensors: Record<string, { shape: readonly number[]; data: TensorData }>
}> {
  const opened = await openSafetensors('loadModel', file)
  try {
    const tensors: Record<string, { shape: readonly number[]; data: TensorData }> = {}
    for (const [name, { shape }] of opened.tensors) tensors[name] = { shape, data: await opened.read(name) }
    return { metadata: Object.fromEntries(opened.metadata), tensors }
  } finally {
    await opened.close()
  }
}

/** A file put together by hand from a header's text (or length) and data. */
async function forge(header: string | Uint8Array, dataBytes = 0, length?: bigint): Promise<void> {
  const json = Buffer.from(header as string)
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(length ?? BigInt(json.length))
  await writeFile(file, Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]))
}

async function refusal(): Promise<string> {
  const error = await openSafetensors('loadModel', file).then(
    () => expect.unreachable('opened a broken file'),
    (error: unknown) => error
  )
  expect(error).toBeInstanceOf(FileFormatError)
  expect(error).toHaveProperty('code', 'EVENKEEL_FILE_FORMAT')
  return (error as Error).message.replace(file, 'FILE')
}

const some: NamedTensor[] = [
  { name: '0.weight', data: Float32Array.of(1.5, -2, 0, Number.NaN, Infinity, -0), shape: [2, 3] },
  { name: 'batches', data: Float64Array.of(0.1), shape: [] },
  { name: 'ids', data: Int32Array.of(-1, 2 ** 31 - 1), shape: [2] },
  { name: 'big', data: BigInt64Array.of(-(2n ** 63n), 7n), shape: [2, 1] },
  { name: 'bytes', data: Uint8Array.of(1, 2, 255), shape: [3] },
  { name: 'none', data: new Float32Array(0), shape: [0, 4] },
  { name: 'näme "quoted" \\ 雪', data: Float32Array.of(3), shape: [1] },
  { name: '__proto__', data: Float32Array.of(4), shape: [1] }
]

describe('writing and reading', () => {
  it('gives everything back', async () => {
    await write(some, { format: 'evenkeel', architecture: '{"kind":"näh"}' })
    const { metadata, tensors } = await readAll()
    expect(metadata).toEqual({ format: 'evenkeel', architecture: '{"kind":"näh"}' })
    expect(Object.keys(tensors).length + 1).toBe(some.length) // '__proto__' is no key of an object literal
    for (const { name, data, shape } of some.slice(0, -1)) expect(tensors[name], name).toEqual({ shape: [...shape], data })
    const opened = await openSafetensors('loadModel', file)
    expect(await opened.read('__proto__')).toEqual(Float32Array.of(4))
    await opened.close()
  })

  it('starts with the length, a JSON object padded with spaces, and data at a multiple of 8', async () => {
    await write(
      [
        { name: 'b', data: Float32Array.of(1, 2), shape: [2] },
        { name: 'a', data: Uint8Array.of(9), shape: [1] }
      ],
      { k: 'v' }
    )
    const bytes = await readFile(file)
    const length = Number(bytes.readBigUInt64LE())
    expect((8 + length) % 8).toBe(0)
    expect(bytes.subarray(8, 8 + length).toString()).toMatchInlineSnapshot(
      `"{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}     "`
    )
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 128, 63, 0, 0, 0, 64, 9])
  })

  it('equal contents are equal bytes, in whatever order they come', async () => {
    await write(some, { b: '1', a: '2', 10: 'x', 9: 'y' })
    const bytes = await readFile(file)
    await write([...some].reverse(), { 9: 'y', 10: 'x', a: '2', b: '1' })
    expect(await readFile(file)).toEqual(bytes)
  })

  it('views with offsets, over shared memory too, and tensors across chunks', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * 700_000), 4, 600_000).map((_, i) => i)
    const memory = new SharedArrayBuffer(4 * 700_000)
    const view = new Float32Array(memory, 8, 600_000)
    view.set(shared)
    const tensors: NamedTensor[] = [
      { name: 'view', data: view, shape: [600, 1000] },
      { name: 'bytes', data: new Uint8Array(1_500_001).fill(7).subarray(1), shape: [1_500_000] },
      { name: 'small', data: Float32Array.of(1, 2, 3).subarray(1), shape: [2] }
    ]
    await write(tensors)
    const { tensors: read } = await readAll()
    for (const { name, data } of tensors) expect(Buffer.compare(bytesOf(read[name]!.data), bytesOf(data)), name).toBe(0)
  })

  it('reads into a given view, and checks it', async () => {
    await write(some)
    const opened = await openSafetensors('loadModel', file)
    const memory = new Float32Array(new SharedArrayBuffer(40), 4, 6)
    expect(await opened.read('0.weight', memory)).toBe(memory)
    expect(memory).toEqual(some[0]!.data)
    await expect(opened.read('0.weight', new Float32Array(5))).rejects.toThrow(FileFormatError)
    await expect(opened.read('ids', new Float32Array(2))).rejects.toThrow(/expected 'ids' to be F32 of 2 elements, got I32 of shape \[2\]/)
    await expect(opened.read('absent')).rejects.toThrow(FileFormatError)
    await opened[Symbol.asyncDispose]()
  })

  it('any tensors and metadata survive', async () => {
    const data = fc.oneof(
      fc.float32Array({ maxLength: 20 }),
      fc.float64Array({ maxLength: 20 }),
      fc.int32Array({ maxLength: 20 }),
      fc.bigInt64Array({ maxLength: 20 }),
      fc.uint8Array({ maxLength: 20 })
    )
    const tensors = fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((name) => !name.startsWith('__')),
      data,
      { maxKeys: 8, noNullPrototype: true }
    )
    const metadata = fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
      fc.string({ unit: 'grapheme' }),
      { noNullPrototype: true }
    )
    await fc.assert(
      fc.asyncProperty(tensors, metadata, async (tensors, metadata) => {
        await write(
          Object.entries(tensors).map(([name, data]) => ({ name, data: data as TensorData, shape: [data.length] })),
          metadata
        )
        const read = await readAll()
        expect(read.metadata).toEqual(metadata)
        expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(tensors).sort())
        for (const [name, data] of Object.entries(tensors))
          expect(bytesOf(read.tensors[name]!.data).equals(bytesOf(data as TensorData)), name).toBe(true)
      }),
      { numRuns: 60 }
    )
  })
})

describe('what is not written', () => {
  it('tensors that do not fit, and the file stays', async () => {
    await write(some)
    const before = await readFile(file)
    const one = Float32Array.of(1)
    await expect(write([{ name: 'a', data: one, shape: [2] }])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: save: expected 2 elements in 'a' for its shape [2], got 1]`
    )
    await expect(
      write([
        { name: 'a', data: one, shape: [1] },
        { name: 'a', data: one, shape: [1] }
      ])
    ).rejects.toThrowErrorMatchingInlineSnapshot(`[TypeError: save: expected tensors of different names, got two of one name among 2]`)
    await expect(write([{ name: '__metadata__', data: one, shape: [1] }])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[TypeError: save: expected a tensor name, got '__metadata__', which the format keeps for itself]`
    )
    await expect(write([{ name: 'a', data: Int16Array.of(1) as never, shape: [1] }])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[TypeError: save: expected 'a' to be Float32Array or Float64Array or Int32Array or BigInt64Array or Uint8Array, got Int16Array(1)]`
    )
    await expect(write([], { steps: 3 as never })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[TypeError: save: expected metadata 'steps' to be a string, got 3]`
    )
    expect(await readFile(file)).toEqual(before)
    expect(await readdir(folder)).toEqual(['model.safetensors'])
  })

  it('memory that is transferred meanwhile, and an abort, leave the old file', async () => {
    await write(some)
    const before = await readFile(file)
    const data = new Float32Array(1 << 20)
    const saving = write([{ name: 'a', data, shape: [1 << 20] }])
    structuredClone(data.buffer, { transfer: [data.buffer] })
    await expect(saving).rejects.toThrowErrorMatchingInlineSnapshot(
      `[TypeError: save: expected the memory of 'a' to stay until it is written, got memory that was transferred or resized]`
    )
    const controller = new AbortController()
    const aborted = writeSafetensors('save', file, [{ name: 'a', data: new Float32Array(1 << 22), shape: [1 << 22] }], {
      signal: controller.signal
    })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    expect(await readFile(file)).toEqual(before)
    expect(await readdir(folder)).toEqual(['model.safetensors'])
  })
})

describe('what is not read', () => {
  const tensor = (fields: object): string => JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } })

  it.each<[string, string | Uint8Array, number?, bigint?]>([
    ['an empty header', '', 0],
    ['no object', '[]', 0],
    ['a string', '"x"', 0],
    ['space before the object', ' {}', 0],
    ['no JSON', '{"a":', 0],
    ['no UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0],
    ['a byte-order mark', '\ufeff{}', 0],
    ['a header longer than the file', '{}', 0, 3n],
    ['a header beyond the limit', '{}', 0, 100_000_001n],
    ['a header of 2^63 bytes', '{}', 0, 2n ** 63n],
    ['an unknown dtype', tensor({ dtype: 'BF16' }), 8],
    ['no dtype', tensor({ dtype: undefined }), 8],
    ['a dtype of the prototype', tensor({ dtype: 'constructor' }), 8],
    ['a negative size', tensor({ shape: [-2] }), 8],
    ['a size that is no integer', tensor({ shape: [2.5] }), 8],
    ['a shape that is none', tensor({ shape: 2 }), 8],
    ['sizes beyond all memory', tensor({ shape: [2 ** 40, 2 ** 40] }), 8],
    ['offsets that do not hold the shape', tensor({ data_offsets: [0, 4] }), 4],
    ['offsets the wrong way', tensor({ data_offsets: [8, 0] }), 8],
    ['one offset', tensor({ data_offsets: [0] }), 8],
    ['offsets beyond the file', tensor({ shape: [2000], data_offsets: [0, 8000] }), 8],
    ['a gap at the start', tensor({ data_offsets: [8, 16] }), 16],
    ['bytes that belong to nobody', tensor({}), 9],
    ['a truncated file', tensor({}), 7],
    ['a gap', '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}', 3],
    ['an overlap', '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}', 3],
    ['a name twice', '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1],
    [
      'a name twice, once escaped',
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061"  :{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0
    ],
    ['a field twice', '{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', 1],
    ['a field twice, far from its colon', `{"a":{"dtype":"U8","dtype"${' '.repeat(99)}:"U8","shape":[1],"data_offsets":[0,1]}}`, 1],
    ['metadata twice', '{"__metadata__":{"a":"1","a":"2"}}', 0],
    ['metadata that is no object', '{"__metadata__":["a"]}', 0],
    ['metadata that is no string', '{"__metadata__":{"a":1}}', 0],
    ['a tensor that is no object', '{"a":null}', 0],
    [
      'a dtype nested deeper than the stack',
      `{"a":{"dtype":${'['.repeat(50_000)}${']'.repeat(50_000)},"shape":[1],"data_offsets":[0,1]}}`,
      1
    ]
  ])('%s', async (_, header, dataBytes = 0, length) => {
    await forge(header, dataBytes, length)
    expect(await refusal()).toMatchSnapshot()
  })

  it('files that are too short, or of another kind', async () => {
    await writeFile(file, '')
    expect(await refusal()).toMatchInlineSnapshot(`"loadModel 'FILE': expected a safetensors file of at least 8 bytes, got 0"`)
    await writeFile(file, Buffer.from('PK\x03\x04 a zip file, for example, or anything else'))
    expect(await refusal()).toMatchInlineSnapshot(
      `"loadModel 'FILE': expected a safetensors file, got one that is none: its header would have 8800140462016121680 bytes, of at most 100000000. Give a file that save wrote"`
    )
    await expect(openSafetensors('loadModel', path.join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(openSafetensors('loadModel', folder)).rejects.toMatchObject({
      code: 'EISDIR',
      message: `loadModel '${folder}': expected a file, got a folder`
    })
  })

  it('every truncation of a good file, and every longer one', async () => {
    await write(some.slice(0, 4), { a: 'b' })
    const whole = await readFile(file)
    for (let length = 0; length < whole.length; length += 7) {
      await writeFile(file, whole.subarray(0, length))
      await refusal()
    }
    await writeFile(file, Buffer.concat([whole, Buffer.from([0])]))
    await refusal()
  })

  it('a file that is cut while it is read', async () => {
    await write([{ name: 'a', data: new Float32Array(1000), shape: [1000] }])
    const opened = await openSafetensors('loadModel', file)
    await truncate(file, (await stat(file)).size - 10)
    await expect(opened.read('a')).rejects.toThrow(FileFormatError)
    await opened.close()
  })

  it('arbitrary headers are read or refused, and never anything else', async () => {
    const record = fc.record(
      {
        dtype: fc.constantFrom('F32', 'U8', 'I64', 'F16', 3),
        shape: fc.array(fc.oneof(fc.nat(3), fc.constant(-1))),
        data_offsets: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 })
      },
      { requiredKeys: [] }
    )
    const header = fc.oneof(
      fc.json(),
      fc.dictionary(fc.string({ maxLength: 3 }), record, { maxKeys: 3 }).map((value) => JSON.stringify(value))
    )
    await fc.assert(
      fc.asyncProperty(header, fc.nat(40), async (json, dataBytes) => {
        await forge(json, dataBytes)
        const opened = await openSafetensors('loadModel', file).catch((error) => {
          expect(error).toBeInstanceOf(FileFormatError)
        })
        await opened?.close()
      }),
      { numRuns: 300 }
    )
  })
})

function bytesOf(data: TensorData): Buffer {
  return Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}
