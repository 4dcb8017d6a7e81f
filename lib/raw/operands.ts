import { BackendError, expectation, outOfRange, ShapeError, withCode, wrongKind } from '../errors.js'
import { Activation, type ActivationName } from '../kernels/types.js'
import { choiceOption, numberOption } from '../options.js'

/** The checks at the door of the raw kernels. Behind it nothing is checked but lengths. */

const tagOf = (value: unknown): string => (ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : '')

/** By its tag, not its prototype: an array of another realm is as good. */
export function float32(owner: string, name: string, value: unknown, elements: number, reason: string): Float32Array {
  if (tagOf(value) !== 'Float32Array') {
    const convertible = tagOf(value) !== '' || Array.isArray(value)
    throw wrongKind(owner, `${name} to be a Float32Array`, value, convertible ? `Convert it with Float32Array.from(${name})` : undefined)
  }
  return checkLength(owner, name, value as Float32Array, elements, reason)
}

export function optionalFloat32(owner: string, name: string, value: unknown, elements: number, reason: string): Float32Array | null {
  return value === undefined || value === null ? null : float32(owner, name, value, elements, reason)
}

export function uint8(owner: string, name: string, value: unknown, elements: number, reason: string): Uint8Array {
  if (tagOf(value) !== 'Uint8Array') throw wrongKind(owner, `${name} to be a Uint8Array`, value)
  return checkLength(owner, name, value as Uint8Array, elements, reason)
}

function checkLength<T extends Float32Array | Uint8Array>(owner: string, name: string, array: T, elements: number, reason: string): T {
  if (array.length === 0 && isDetached(array))
    throw withCode(
      new TypeError(`${owner}: expected ${name} to have memory, got an array whose buffer was transferred. Use it before you transfer it`),
      'EVENKEEL_TYPE'
    )
  if (array.length !== elements)
    throw new ShapeError(`${owner}: expected ${name} to hold ${elements} elements (${reason}), got ${array.length}`, {
      expected: elements,
      actual: array.length
    })
  return array
}

/** Node 20 has no `ArrayBuffer.prototype.detached`, and refuses a view of such a buffer. */
function isDetached(array: Float32Array | Uint8Array): boolean {
  try {
    new Uint8Array(array.buffer)
    return false
  } catch {
    return true
  }
}

export interface OutputRule {
  readonly elements: number
  readonly reason: string
  /** Everything that the kernel reads, by name. */
  readonly inputs: Readonly<Record<string, Float32Array | Uint8Array | null>>
  /** The input whose memory `out` may be, exactly. */
  readonly inPlaceOf?: string
}

/** `out` where it is given, else a new array. It may share memory with no input, but for the one that is computed in place. */
export function output(owner: string, out: unknown, { elements, reason, inputs, inPlaceOf }: OutputRule): Float32Array {
  if (out === undefined) return fresh(owner, elements)
  const array = float32(owner, 'out', out, elements, reason)
  for (const [name, input] of Object.entries(inputs)) {
    if (!input || !overlap(array, input)) continue
    const same = array.byteOffset === input.byteOffset && array.byteLength === input.byteLength
    if (name === inPlaceOf && same) continue
    const expected = inPlaceOf === undefined ? 'out to be memory of its own' : `out to be memory of its own or exactly ${inPlaceOf}`
    const advice = `Give it another array${inPlaceOf === undefined ? '' : `, or ${inPlaceOf} itself`}`
    throw withCode(
      new TypeError(`${owner}: expected ${expected}, got one that ${same ? 'is' : 'overlaps'} ${name}. ${advice}`),
      'EVENKEEL_OVERLAP'
    )
  }
  return array
}

function overlap(a: Float32Array, b: Float32Array | Uint8Array): boolean {
  if (a.buffer !== b.buffer || a.byteLength === 0 || b.byteLength === 0) return false
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength
}

/** A new array of zeros. */
export function fresh(owner: string, elements: number): Float32Array {
  try {
    return new Float32Array(elements)
  } catch (cause) {
    throw new BackendError(`${owner}: expected memory for ${elements} numbers, got none. Use smaller arrays, or free memory`, {
      code: 'EVENKEEL_OUT_OF_MEMORY',
      cause
    })
  }
}

const largestSize = 2 ** 31 - 1

/** A size that must be given. */
export function size(owner: string, name: string, value: unknown): number {
  const expected = `${name} to be an integer from 0 to ${largestSize}`
  if (typeof value !== 'number') throw wrongKind(owner, expected, value)
  if (!Number.isInteger(value) || value < 0 || value > largestSize) throw outOfRange(owner, expected, value)
  return value
}

export interface NormShape {
  readonly dims: readonly [number, number, number]
  readonly elements: number
  readonly channels: number
  /** Why an array must have its length, for messages. */
  readonly whole: string
  readonly perChannel: string
}

/** `[outer, channels, inner]` */
export function normShape(owner: string, shape: unknown): NormShape {
  if (!Array.isArray(shape) || shape.length !== 3)
    throw wrongKind(owner, 'shape to be [outer, channels, inner]', shape, 'Channels-last images are [batch · height · width, channels, 1]')
  const [outer, channels, inner] = shape.map((value, i) => size(owner, `shape[${i}]`, value)) as [number, number, number]
  const elements = outer * channels * inner
  if (!Number.isSafeInteger(elements)) throw new ShapeError(expectation(owner, 'a shape that arrays can have', shape), { actual: shape })
  return {
    dims: [outer, channels, inner],
    elements,
    channels,
    whole: `shape [${outer}, ${channels}, ${inner}]`,
    perChannel: 'one a channel'
  }
}

export interface ActivationOptions {
  /** Applied to the result: `'identity'` (the default), `'relu'`, `'leakyRelu'`, `'sigmoid'` or `'tanh'`. */
  readonly activation?: ActivationName | undefined
  /** Slope of leaky relu below zero, at least 0; default 0.01. */
  readonly slope?: number | undefined
}

/** The scalars `activation, slope` of a kernel. */
export function activationScalars(owner: string, { activation, slope }: ActivationOptions): [code: number, slope: number] {
  const name = choiceOption(owner, 'activation', activation, 'identity', Object.keys(Activation) as ActivationName[])
  return [Activation[name], numberOption(owner, 'slope', slope, 0.01, { atLeast: 0 })]
}

/** The options object, which must be one. */
export function given<T extends object>(owner: string, options: T): T {
  if (options === undefined) throw wrongKind(owner, 'an options object', options)
  return options
}
