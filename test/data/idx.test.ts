import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readIdx } from '../../lib/data/idx.js'
import { FileFormatError } from '../../lib/errors.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-idx-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(bytes: Uint8Array, name = 'file'): Promise<string> {
  const target = path.join(folder, name)
  await writeFile(target, bytes)
  return target
}

/** The format again, from its description: two zero bytes, type, dimensions, big-endian sizes, big-endian numbers. */
function idx(type: number, shape: readonly number[], numbers: readonly number[]): Buffer {
  const writers: Record<number, [number, (view: DataView, at: number, value: number) => void]> = {
    8: [1, (view, at, value) => view.setUint8(at, value)],
    9: [1, (view, at, value) => view.setInt8(at, value)],
    11: [2, (view, at, value) => view.setInt16(at, value)],
    12: [4, (view, at, value) => view.setInt32(at, value)],
    13: [4, (view, at, value) => view.setFloat32(at, value)],
    14: [8, (view, at, value) => view.setFloat64(at, value)]
  }
  const [size, write] = writers[type]!
  const bytes = Buffer.alloc(4 + 4 * shape.length + size * numbers.length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  bytes.set([0, 0, type, shape.length])
  for (const [index, extent] of shape.entries()) view.setUint32(4 + 4 * index, extent)
  for (const [index, value] of numbers.entries()) write(view, 4 + 4 * shape.length + size * index, value)
  return bytes
}

const message = async (bytes: Uint8Array): Promise<string> => {
  const target = await file(bytes, 'bad')
  const error = await readIdx(target).then(
    () => expect.unreachable('read a file that is none'),
    (error: unknown) => error
  )
  expect(error).toBeInstanceOf(FileFormatError)
  return (error as Error).message.replace(target, 'FILE')
}

describe('readIdx', () => {
  it.each([
    [8, Uint8Array, [0, 1, 254, 255]],
    [9, Int32Array, [0, 1, -128, 127]],
    [11, Int32Array, [0, 1, -32768, 32767]],
    [12, Int32Array, [0, 1, -(2 ** 31), 2 ** 31 - 1]],
    [13, Float32Array, [0, -1.5, Infinity, Number.NaN]],
    [14, Float64Array, [0, 0.1, -1e300, 5e-324]]
  ] as const)('type %i, plain and compressed', async (type, expected, numbers) => {
    for (const compress of [false, true]) {
      const bytes = idx(type, [2, 1, 2], numbers)
      const { data, shape } = await readIdx(await file(compress ? gzipSync(bytes) : bytes))
      expect(shape).toEqual([2, 1, 2])
      expect(data).toBeInstanceOf(expected)
      expect([...data]).toEqual([...numbers])
    }
  })

  it('takes a URL, an empty first dimension, and more than one chunk', async () => {
    const numbers = Array.from({ length: 700_001 }, (_, i) => i % 251)
    const target = await file(idx(8, [700_001], numbers))
    const { data } = await readIdx(pathToFileURL(target))
    expect(Buffer.from(data.buffer as ArrayBuffer).equals(Buffer.from(numbers))).toBe(true)
    expect(data.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect((await readIdx(await file(idx(8, [0, 28, 28], [])))).shape).toEqual([0, 28, 28])
  })

  it('refuses what is not whole or not IDX', async () => {
    const good = idx(8, [2, 3], [1, 2, 3, 4, 5, 6])
    expect(await message(Buffer.alloc(0))).toMatchInlineSnapshot(`"readIdx: expected a header of 4 bytes, got 0 in 'FILE'"`)
    expect(await message(Buffer.from('\x89PNG\r\n\x1a\n'))).toMatchInlineSnapshot(
      `"readIdx: expected an IDX file (00 00, a type 08 09 0b 0c 0d 0e, the number of dimensions), got one that starts c2 89 50 4e in 'FILE'"`
    )
    expect(await message(good.subarray(0, 10))).toMatchInlineSnapshot(`"readIdx: expected a header of 12 bytes, got 10 in 'FILE'"`)
    expect(await message(good.subarray(0, 17))).toMatchInlineSnapshot(
      `"readIdx: expected 6 bytes of numbers for its shape [2, 3], got 5 in 'FILE'"`
    )
    expect(await message(Buffer.concat([good, Buffer.from([0])]))).toMatchInlineSnapshot(
      `"readIdx: expected 6 bytes of numbers for its shape [2, 3], got 7 in 'FILE'"`
    )
    expect(await message(idx(8, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], []))).toMatchInlineSnapshot(
      `"readIdx: expected 7.9228162458924105e+28 bytes of numbers for its shape [4294967295, 4294967295, 4294967295], got 0 in 'FILE'"`
    )
    expect(await message(gzipSync(idx(8, [2 ** 32 - 1], [])))).toMatchInlineSnapshot(
      `"readIdx: expected 4294967295 bytes of numbers for its shape [4294967295], got 28 compressed in 'FILE'"`
    )
    expect(await message(gzipSync(good).subarray(0, 25))).toMatchInlineSnapshot(
      `"readIdx: expected a whole gzip file, got 'FILE': unexpected end of file"`
    )
    expect(await message(gzipSync(good.subarray(0, 17)))).toMatchInlineSnapshot(
      `"readIdx: expected 6 bytes of numbers for its shape [2, 3], got 5 in 'FILE'"`
    )
    expect(await message(gzipSync(Buffer.concat([good, Buffer.from([0])])))).toMatchInlineSnapshot(
      `"readIdx: expected 6 bytes of numbers for its shape [2, 3], got more in 'FILE'"`
    )
  })

  it('any bytes are read whole or refused, and never anything else', async () => {
    const header = fc.tuple(fc.constantFrom(8, 9, 11, 12, 13, 14, 7), fc.integer({ min: 0, max: 3 }), fc.uint8Array({ maxLength: 24 }))
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          header.map(([type, rank, rest]) => Uint8Array.of(0, 0, type, rank, ...rest))
        ),
        async (bytes) => {
          const target = await file(bytes, 'any')
          try {
            const { data, shape } = await readIdx(target)
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1))
          } catch (error) {
            expect(error).toBeInstanceOf(FileFormatError)
          }
        }
      ),
      { numRuns: 200 }
    )
  })

  it('passes the system’s error and the reason of an abort on', async () => {
    await expect(readIdx(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(readIdx(folder)).rejects.toMatchObject({ code: 'EISDIR' })
    const reason = new Error('enough')
    await expect(readIdx(await file(idx(8, [1], [1])), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
