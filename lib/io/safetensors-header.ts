import { FileFormatError, ShapeError, withCode, wrongKind } from '../errors.js'
import { formatShape, type StaticShape, staticElementCount } from '../shape.js'

/**
 * The header of a safetensors file: 8 bytes with its length (little-endian), then JSON, then the tensors' bytes.
 *
 *     { "__metadata__": { "key": "text" }, "name": { "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] } }
 *
 * Offsets count from the first byte after the header. Tensors follow one another without gap or overlap.
 */
export const tensorTypes = { F32: 4, F64: 8, I32: 4, I64: 8, U8: 1 } as const
export type TensorType = keyof typeof tensorTypes

export interface TensorRecord {
  readonly type: TensorType
  readonly shape: StaticShape
  /** In bytes, from the first byte after the header. */
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly metadata: ReadonlyMap<string, string>
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorRecord>
}

/** The format's own limit. */
export const longestHeader = 100_000_000
const metadataKey = '__metadata__'
/** Data start at a multiple of 8, as every reader of the format expects. */
const alignment = 8

/** Places tensors one after the other: widest elements first, so that all are aligned, then by name. */
export function layOut(
  tensors: ReadonlyMap<string, { readonly type: TensorType; readonly shape: StaticShape }>
): Map<string, TensorRecord> {
  const sorted = [...tensors].sort(
    ([a, { type: typeA }], [b, { type: typeB }]) => tensorTypes[typeB] - tensorTypes[typeA] || (a < b ? -1 : 1)
  )
  let end = 0
  return new Map(
    sorted.map(([name, { type, shape }]) => {
      const begin = end
      end += staticElementCount(shape) * tensorTypes[type]
      return [name, { type, shape, begin, end }]
    })
  )
}

/** The first bytes of the file. Equal tensors and metadata, in any order, give equal bytes. */
export function encodeHeader(owner: string, { metadata, tensors }: Header): Uint8Array {
  const entries: [string, unknown][] = [...tensors].map(([name, { type, shape, begin, end }]) => [
    name,
    { dtype: type, shape, data_offsets: [begin, end] }
  ])
  if (metadata.size > 0) entries.unshift([metadataKey, new Map([...metadata].sort(([a], [b]) => (a < b ? -1 : 1)))])
  const members = entries.map(
    ([name, value]) => `${JSON.stringify(name)}:${value instanceof Map ? objectText(value) : JSON.stringify(value)}`
  )
  const json = Buffer.from(`{${members.join(',')}}`)
  const length = Math.ceil(json.length / alignment) * alignment
  if (length > longestHeader)
    throw new ShapeError(`${owner}: expected names and metadata of at most ${longestHeader} bytes, got ${length}`, {
      expected: longestHeader,
      actual: length
    })
  const bytes = Buffer.alloc(8 + length, ' ')
  bytes.writeBigUInt64LE(BigInt(length))
  bytes.set(json, 8)
  return bytes
}

/** Objects with keys like '10' would come out in another order, so the text is made here. */
function objectText(map: ReadonlyMap<string, string>): string {
  return `{${[...map].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
}

/** Throws for names and metadata that the format cannot hold. */
export function checkNames(owner: string, names: Iterable<string>, metadata: ReadonlyMap<string, unknown>): void {
  for (const name of names)
    if (name === metadataKey)
      throw withCode(
        new TypeError(`${owner}: expected a tensor name, got '${metadataKey}', which the format keeps for itself`),
        'EVENKEEL_NAME'
      )
  for (const [key, value] of metadata) if (typeof value !== 'string') throw wrongKind(owner, `metadata '${key}' to be a string`, value)
}

/**
 * Reads the header's JSON and checks every number in it against the file.
 *
 * @param where names the file in messages
 * @param dataBytes bytes of the file after the header
 */
export function decodeHeader(where: string, json: Uint8Array, dataBytes: number): Header {
  const text = decodeText(where, json)
  const parsed = parse(where, text)
  refuseDuplicates(where, text)
  const { [metadataKey]: rawMetadata, ...rest } = parsed
  const tensors = Object.entries(rest).map(([name, value]): [string, TensorRecord] => [name, tensorRecord(where, name, value)])
  tensors.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const [name, record] of tensors) {
    if (record.begin !== end) throw broken(where, `'${name}' to start at byte ${end}, where the tensor before it ends`, record.begin)
    end = record.end
  }
  if (end !== dataBytes) throw broken(where, `${end} bytes of tensors`, `${dataBytes}${dataBytes < end ? ': the file is truncated' : ''}`)
  return { metadata: metadataOf(where, rawMetadata), tensors: new Map(tensors) }
}

function decodeText(where: string, json: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
  } catch (cause) {
    throw broken(where, 'a header of UTF-8 text', 'other bytes', cause)
  }
}

function parse(where: string, text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw broken(where, 'a header of JSON', 'other text', cause)
  }
  if (!isObject(value) || !text.startsWith('{')) throw broken(where, 'a header that is a JSON object', text.slice(0, 20))
  return value
}

/** JSON.parse keeps the last of equal keys, and two readers might then see two models in one file. The text is valid JSON here. */
function refuseDuplicates(where: string, text: string): void {
  const seen: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character === 0x7b) seen.push(new Set())
    else if (character === 0x7d) seen.pop()
    else if (character === 0x22) {
      const start = i
      while (text.charCodeAt(++i) !== 0x22) if (text.charCodeAt(i) === 0x5c) i++
      if (!colonFollows(text, i + 1)) continue
      const key = JSON.parse(text.slice(start, i + 1)) as string
      const keys = seen.at(-1)!
      if (keys.has(key)) throw broken(where, 'each name once', `'${key}' twice`)
      keys.add(key)
    }
  }
}

function colonFollows(text: string, from: number): boolean {
  for (let i = from; ; i++) {
    const character = text[i]
    if (character !== ' ' && character !== '\n' && character !== '\r' && character !== '\t') return character === ':'
  }
}

function tensorRecord(where: string, name: string, value: unknown): TensorRecord {
  const { dtype, shape, data_offsets: offsets } = (isObject(value) ? value : {}) as Record<string, unknown>
  const types = Object.keys(tensorTypes).join(', ')
  if (typeof dtype !== 'string' || !Object.hasOwn(tensorTypes, dtype)) throw broken(where, `a dtype of ${types} for '${name}'`, show(dtype))
  if (!isSizes(shape)) throw broken(where, `a shape for '${name}'`, show(shape))
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!)
    throw broken(where, `two data_offsets, begin and end, for '${name}'`, show(offsets))
  const type = dtype as TensorType
  const [begin, end] = offsets as [number, number]
  const bytes = staticElementCount(shape) * tensorTypes[type]
  if (end - begin !== bytes) throw broken(where, `${bytes} bytes for '${name}', ${type} of shape ${formatShape(shape)}`, end - begin)
  return { type, shape: Object.freeze(shape), begin, end }
}

function metadataOf(where: string, value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map()
  if (!isObject(value)) throw broken(where, `${metadataKey} to be an object`, show(value))
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string') throw broken(where, `${metadataKey} '${key}' to be a string`, show(text))
  return new Map(Object.entries(value as Record<string, string>))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  // Not the whole of it: what a foreign file holds may be long, or nested deeper than the stack.
  if (Array.isArray(value))
    return `[${value
      .slice(0, 8)
      .map((item) => (typeof item === 'object' ? '...' : JSON.stringify(item).slice(0, 20)))
      .join(', ')}]`
  return isObject(value) ? 'an object' : JSON.stringify(value).slice(0, 60)
}

export function broken(where: string, expected: string, actual: string | number, cause?: unknown): FileFormatError {
  return new FileFormatError(`${where}: expected ${expected}, got ${actual}`, cause === undefined ? {} : { cause })
}
