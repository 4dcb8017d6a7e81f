import { type FileHandle, open } from 'node:fs/promises'
import { endianness } from 'node:os'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { FileFormatError, ShapeError } from '../errors.js'
import { checkOptions, expectPath, signalOption } from '../options.js'
import type { StaticShape } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { finishPaced } from './pace.js'

export type IdxTensor = Tensor<Uint8Array> | Tensor<Int32Array> | Tensor<Float32Array> | Tensor<Float64Array>

export interface ReadIdxOptions {
  /** Stops the reading; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Element types by the third byte of the file, in big-endian order there. */
const elementTypes = new Map<number, { readonly bytes: number; view(memory: SharedArrayBuffer): IdxTensor['data'] }>([
  [0x08, { bytes: 1, view: (memory) => new Uint8Array(memory) }],
  [0x09, { bytes: 1, view: (memory) => widened(new Int8Array(memory)) }],
  [0x0b, { bytes: 2, view: (memory) => widened(new Int16Array(memory)) }],
  [0x0c, { bytes: 4, view: (memory) => new Int32Array(memory) }],
  [0x0d, { bytes: 4, view: (memory) => new Float32Array(memory) }],
  [0x0e, { bytes: 8, view: (memory) => new Float64Array(memory) }]
])

function widened(values: Int8Array | Int16Array): Int32Array {
  const wide = new Int32Array(new SharedArrayBuffer(values.length * 4))
  wide.set(values)
  return wide
}

/** Deflate cannot do better: a file that claims more is refused before memory is asked for. */
const deflateRatio = 1032
const chunkBytes = 1 << 18

/**
 * Reads an IDX file, the format of MNIST: plain or compressed by gzip. The numbers stand in shared memory, so that
 * training reads them where they are.
 *
 * Unsigned bytes, int32, float32 and float64 keep their type; int8 and int16 become int32.
 *
 * @param path a file path or a file: URL
 * @returns data and shape; for images `[images, height, width]`
 * @throws FileFormatError for a file of another kind, truncated, or longer than its header says; the system's error
 *   where the file cannot be read; the signal's reason
 * @example const { data, shape } = await readIdx('train-images-idx3-ubyte')
 */
export async function readIdx(path: string | URL, options?: ReadIdxOptions): Promise<IdxTensor> {
  const owner = 'readIdx'
  const signal = signalOption(owner, checkOptions(owner, options, ['signal']).signal)
  const file = await open(expectPath(owner, path))
  try {
    const { size } = await file.stat()
    const compressed = await startsAsGzip(file)
    const reader = new IdxReader(String(path), size, compressed)
    await readThrough(file, compressed, reader, signal)
    return await finishPaced(reader.result(), { signal })
  } finally {
    await file.close()
  }
}

async function readThrough(file: FileHandle, compressed: boolean, reader: IdxReader, signal: AbortSignal | undefined): Promise<void> {
  // A reader that gives up ends the streams before it, whose AbortError would hide why.
  let failure: unknown
  const take = (chunks: AsyncIterable<Buffer>): Promise<void> =>
    reader.read(chunks).catch((error) => {
      failure ??= error
      throw error
    })
  const input = file.createReadStream({ start: 0, autoClose: false, highWaterMark: chunkBytes })
  const options = signal ? { signal } : {}
  try {
    if (compressed) await pipeline(input, createGunzip({ chunkSize: chunkBytes }), take, options)
    else await pipeline(input, take, options)
  } catch (error) {
    signal?.throwIfAborted()
    const { code, message } = error as { code?: unknown; message: string }
    if (typeof code === 'string' && code.startsWith('Z_'))
      throw new FileFormatError(`readIdx: expected a whole gzip file, got '${reader.path}': ${message}`, { cause: error })
    throw failure ?? error
  }
}

async function startsAsGzip(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
}

/** Takes the bytes chunk by chunk: first the header, then the numbers into memory of the right size. */
class IdxReader {
  #header = Buffer.alloc(0)
  #shape: StaticShape | undefined
  #type = 0
  #bytes = new Uint8Array(new SharedArrayBuffer(0))
  #filled = 0

  constructor(
    readonly path: string,
    readonly fileBytes: number,
    readonly compressed: boolean
  ) {}

  async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) this.#take(chunk)
    if (!this.#shape) throw this.#error(`a header of ${this.#headerLength()} bytes`, `${this.#header.length}`)
    if (this.#filled < this.#bytes.length)
      throw this.#error(`${this.#bytes.length} bytes of numbers for ${this.#says()}`, `${this.#filled}`)
  }

  *result(): Sliced<IdxTensor> {
    const { bytes, view } = elementTypes.get(this.#type)!
    const memory = this.#bytes.buffer as SharedArrayBuffer
    if (bytes > 1 && endianness() === 'LE')
      for (let start = 0; start < memory.byteLength; start += chunkBytes) {
        const part = Buffer.from(memory, start, Math.min(chunkBytes, memory.byteLength - start))
        bytes === 2 ? part.swap16() : bytes === 4 ? part.swap32() : part.swap64()
        yield
      }
    return { data: view(memory), shape: this.#shape! } as IdxTensor
  }

  #take(chunk: Buffer): void {
    let rest: Uint8Array = chunk
    if (!this.#shape) {
      this.#header = Buffer.concat([this.#header, chunk])
      const length = this.#headerLength()
      if (this.#header.length < length) return
      this.#readHeader(length)
      rest = this.#header.subarray(length)
    }
    if (this.#filled + rest.length > this.#bytes.length)
      throw this.#error(`${this.#bytes.length} bytes of numbers for ${this.#says()}`, 'more')
    this.#bytes.set(rest, this.#filled)
    this.#filled += rest.length
  }

  #headerLength(): number {
    const header = this.#header
    if (header.length < 4) return 4
    const start = [...header.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    if (header[0] !== 0 || header[1] !== 0 || !elementTypes.has(header[2]!) || header[3] === 0)
      throw this.#error('an IDX file (00 00, a type 08 09 0b 0c 0d 0e, the number of dimensions)', `one that starts ${start}`)
    return 4 + 4 * header[3]!
  }

  /** Sizes are checked against the file before memory is asked for. */
  #readHeader(length: number): void {
    this.#type = this.#header[2]!
    this.#shape = Array.from({ length: this.#header[3]! }, (_, index) => this.#header.readUInt32BE(4 + 4 * index))
    const bytes = this.#shape.reduce((product, size) => product * size, elementTypes.get(this.#type)!.bytes)
    const most = this.compressed ? this.fileBytes * deflateRatio : this.fileBytes - length
    if (this.compressed ? bytes > most : bytes !== most)
      throw this.#error(`${bytes} bytes of numbers for ${this.#says()}`, this.compressed ? `${this.fileBytes} compressed` : `${most}`)
    try {
      this.#bytes = new Uint8Array(new SharedArrayBuffer(bytes))
    } catch (cause) {
      throw new ShapeError(`readIdx: expected '${this.path}' to fit into memory, got ${bytes} bytes`, { cause, actual: bytes })
    }
  }

  #says(): string {
    return `its shape [${this.#shape!.join(', ')}]`
  }

  #error(expected: string, actual: string): FileFormatError {
    return new FileFormatError(`readIdx: expected ${expected}, got ${actual} in '${this.path}'`)
  }
}
