import { open } from 'node:fs/promises'
import { endianness } from 'node:os'
import { BackendError, expectation, ShapeError, withCode, wrongKind } from '../errors.js'
import { formatShape, type StaticShape, staticElementCount } from '../shape.js'
import type { Sliced } from '../sliced.js'
import { writeAtomically } from './atomic-file.js'
import {
  broken,
  checkNames,
  decodeHeader,
  encodeHeader,
  layOut,
  longestHeader,
  type TensorRecord,
  type TensorType,
  tensorTypes
} from './safetensors-header.js'

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array

/** A tensor to be written. `data` may be a view into any memory. */
export interface NamedTensor {
  readonly name: string
  readonly data: TensorData
  readonly shape: StaticShape
}

export interface WriteOptions {
  /** Strings by name, for the header. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Checked between chunks; nothing is left behind. */
  readonly signal?: AbortSignal | undefined
}

const typeOf: Readonly<Record<string, TensorType>> = {
  Float32Array: 'F32',
  Float64Array: 'F64',
  Int32Array: 'I32',
  BigInt64Array: 'I64',
  Uint8Array: 'U8'
}

/** Large enough that a call costs nothing beside its bytes, small enough to copy in 0.3 ms. */
const chunkBytes = 1 << 20

/**
 * Writes tensors as a safetensors file, atomically. Memory beyond the tensors: one chunk of 1 MiB, into which bytes
 * are copied on this thread, so that no other thread reads memory which its owner might transfer or resize. The views
 * are read while the file is written: whoever changes them must wait.
 *
 * The same tensors and metadata give the same bytes, in whatever order they come.
 *
 * @param owner for messages
 * @throws TypeError, ShapeError for tensors that do not fit; the system's error (ENOSPC, EACCES, …), which leaves the
 *   path as it was
 */
export async function writeSafetensors(
  owner: string,
  path: string | URL,
  tensors: readonly NamedTensor[],
  { metadata = {}, signal }: WriteOptions = {}
): Promise<void> {
  const pieces = filePieces(owner, tensors, metadata)
  await writeAtomically(owner, path, async (write) => {
    for (const chunk of chunksOf(owner, pieces)) {
      signal?.throwIfAborted()
      await write(chunk)
    }
  })
}

/** The bytes that `writeSafetensors` writes, made in slices of one chunk. */
export function* safetensorsBytes(
  owner: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>
): Sliced<Uint8Array> {
  const pieces = filePieces(owner, tensors, metadata)
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunksOf(owner, pieces)) {
    bytes.set(chunk, at)
    at += chunk.length
    yield
  }
  return bytes
}

function filePieces(owner: string, tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>>): Piece[] {
  requireLittleEndian(owner)
  const byName = new Map(tensors.map((tensor) => [tensor.name, { ...tensor, type: checkedType(owner, tensor) }]))
  if (byName.size !== tensors.length) throw typeError(owner, 'tensors of different names', `two of one name among ${tensors.length}`)
  const texts = new Map(Object.entries(metadata))
  checkNames(owner, byName.keys(), texts)
  const records = layOut(byName)
  const header = encodeHeader(owner, { metadata: texts, tensors: records })
  const pieces: Piece[] = [{ name: 'header', data: header, length: header.length }]
  for (const [name, { begin, end }] of records) pieces.push({ name, data: byName.get(name)!.data, length: end - begin })
  return pieces
}

interface Piece {
  readonly name: string
  readonly data: TensorData
  /** In bytes, when it was checked. */
  readonly length: number
}

/** The file's bytes in chunks that share one memory: small tensors are written together. */
function* chunksOf(owner: string, pieces: readonly Piece[]): Generator<Uint8Array, void, void> {
  const chunk = new Uint8Array(chunkBytes)
  let filled = 0
  for (const { name, data, length } of pieces) {
    for (let start = 0; start < length; ) {
      if (data.byteLength !== length)
        throw typeError(owner, `the memory of '${name}' to stay until it is written`, 'memory that was transferred or resized')
      const count = Math.min(length - start, chunkBytes - filled)
      chunk.set(new Uint8Array(data.buffer, data.byteOffset + start, count), filled)
      start += count
      filled += count
      if (filled < chunkBytes) continue
      yield chunk
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

function typeError(owner: string, expected: string, actual: string): TypeError {
  return withCode(new TypeError(expectation(owner, expected, actual)), 'EVENKEEL_TYPE')
}

function checkedType(owner: string, { name, data, shape }: NamedTensor): TensorType {
  const type = typeOf[data?.[Symbol.toStringTag]]
  if (!type) throw wrongKind(owner, `'${name}' to be ${Object.keys(typeOf).join(' or ')}`, data)
  const count = staticElementCount(shape)
  if (count !== data.length)
    throw new ShapeError(`${owner}: expected ${count} elements in '${name}' for its shape ${formatShape(shape)}, got ${data.length}`, {
      expected: count,
      actual: data.length
    })
  return type
}

/** An open file: the header is read and checked, tensors are read when asked for. Close it. */
export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>
  readonly tensors: ReadonlyMap<string, TensorRecord>
  /** Reads one tensor into `target`, or into new memory. At most 1 MiB is on its way at a time. */
  read(name: string, target?: TensorData): Promise<TensorData>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Where a file is: its path, or its bytes. */
export type FileSource = string | URL | Uint8Array

/**
 * Opens a safetensors file, or its bytes, which must stay as they are until it is closed. Every length and offset is
 * checked against the file before memory is asked for.
 *
 * @param owner for messages
 * @throws FileFormatError for a file that is foreign, truncated or longer than it says; the system's error where it cannot be read
 */
export async function openSafetensors(owner: string, source: FileSource): Promise<SafetensorsFile> {
  requireLittleEndian(owner)
  const where = fileName(owner, source)
  const file = source instanceof Uint8Array ? bytesSource(source) : await fileSource(where, source)
  try {
    const { size } = file
    const start = await readHeader(file, where)
    const { metadata, tensors } = decodeHeader(where, start.json, size - start.dataOffset)
    const read = (name: string, target?: TensorData): Promise<TensorData> =>
      readTensor(file, where, start.dataOffset, tensors, name, target)
    return { metadata, tensors, read, close: () => file.close(), [Symbol.asyncDispose]: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** How messages name a file. */
export function fileName(owner: string, source: FileSource): string {
  return source instanceof Uint8Array ? `${owner}, ${source.length} bytes` : `${owner} '${source}'`
}

interface ByteSource {
  readonly size: number
  /** How many bytes from `position` it could put at the start of `target`: at least one, 0 at the end. */
  read(target: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

async function fileSource(where: string, path: string | URL): Promise<ByteSource> {
  const handle = await open(path)
  try {
    const stats = await handle.stat()
    // The system's own words name no path, as they are about reading from a handle.
    if (stats.isDirectory()) throw Object.assign(new Error(expectation(where, 'a file', 'a folder')), { code: 'EISDIR', path })
    const { size } = stats
    const read = async (target: Uint8Array, position: number): Promise<number> =>
      (await handle.read(target, 0, target.length, position)).bytesRead
    return { size, read, close: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    async read(target, position) {
      // A turn of the event loop for each chunk, as a file has.
      await new Promise((resolve) => setImmediate(resolve))
      const part = bytes.subarray(position, position + target.length)
      target.set(part)
      return part.length
    },
    close: async () => undefined
  }
}

async function readHeader(file: ByteSource, where: string): Promise<{ json: Uint8Array; dataOffset: number }> {
  const { size } = file
  if (size < 8) throw broken(where, 'a safetensors file of at least 8 bytes', size)
  const prefix = Buffer.alloc(8)
  await readFully(file, where, prefix, 0)
  const length = prefix.readBigUInt64LE()
  if (length > longestHeader)
    throw broken(
      where,
      'a safetensors file',
      `one that is none: its header would have ${length} bytes, of at most ${longestHeader}. Give a file that save wrote`
    )
  const dataOffset = 8 + Number(length)
  if (dataOffset > size) throw broken(where, `a header of ${length} bytes`, `${size - 8}: the file is truncated or no safetensors file`)
  const json = Buffer.alloc(Number(length))
  await readFully(file, where, json, 8)
  return { json, dataOffset }
}

async function readTensor(
  file: ByteSource,
  where: string,
  dataOffset: number,
  tensors: ReadonlyMap<string, TensorRecord>,
  name: string,
  given: TensorData | undefined
): Promise<TensorData> {
  const record = tensors.get(name)
  if (!record) throw broken(where, `a tensor '${name}'`, `${tensors.size} others`)
  const { type, begin, end } = record
  const target = given ?? newData(type, (end - begin) / tensorTypes[type])
  const targetType = typeOf[target[Symbol.toStringTag]]
  if (targetType !== type || target.byteLength !== end - begin)
    throw broken(where, `'${name}' to be ${targetType} of ${target.length} elements`, `${type} of shape ${formatShape(record.shape)}`)
  const chunk = new Uint8Array(Math.min(chunkBytes, end - begin))
  for (let position = begin; position < end; ) {
    const part = chunk.subarray(0, Math.min(chunk.length, end - position))
    await readFully(file, where, part, dataOffset + position)
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(part, position - begin)
    position += part.length
  }
  return target
}

/** Shared memory would do as well, but results belong to the caller, who may want to transfer them. */
function newData(type: TensorType, length: number): TensorData {
  switch (type) {
    case 'F32':
      return new Float32Array(length)
    case 'F64':
      return new Float64Array(length)
    case 'I32':
      return new Int32Array(length)
    case 'I64':
      return new BigInt64Array(length)
    case 'U8':
      return new Uint8Array(length)
  }
}

async function readFully(file: ByteSource, where: string, target: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < target.length; ) {
    const count = await file.read(target.subarray(filled), position + filled)
    if (count === 0)
      throw broken(where, `bytes up to ${position + target.length}`, `the end at ${position + filled}: the file became shorter`)
    filled += count
  }
}

/** The format is little-endian and the bytes are written as they stand. */
function requireLittleEndian(owner: string): void {
  if (endianness() !== 'LE')
    throw new BackendError(`${owner}: expected a little-endian processor, got ${process.arch}. Model files cannot be used here`)
}
