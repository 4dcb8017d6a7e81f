import { BackendError, expectation, withCode } from '../errors.js'

/** Any typed array of numbers. */
export type NumberView =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
export type BigIntView = BigInt64Array | BigUint64Array
export type AnyView = NumberView | BigIntView

const tagOfView = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!.get!

/** `'Float32Array'`, also for subclasses (Buffer is a Uint8Array) and arrays of another realm; undefined for anything else. */
export function viewKind(value: unknown): string | undefined {
  return tagOfView.call(value) as string | undefined
}

export function isBigIntView(view: AnyView): view is BigIntView {
  return viewKind(view)!.startsWith('Big')
}

/**
 * Throws for a view whose buffer was transferred away or shrunk below the view: both read as empty, and would pass
 * for a data set of no rows.
 */
export function assertAttached(owner: string, name: string, view: AnyView): void {
  try {
    view.at(0)
  } catch (cause) {
    const advice = 'Its buffer was transferred or resized; pass a copy, or the data before the transfer'
    const message = expectation(owner, `${name} with its memory`, `a detached ${viewKind(view)}`, advice)
    throw withCode(new TypeError(message, { cause }), 'EVENKEEL_DETACHED')
  }
}

/** True for memory that can neither move nor shrink: it may be read from any thread, at any time. */
export function isFixedShared(view: AnyView): boolean {
  const buffer = view.buffer as ArrayBufferLike & { growable?: boolean }
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]' && buffer.growable !== true
}

interface ViewConstructor<T> {
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): T
  readonly BYTES_PER_ELEMENT: number
}

/** A plain view of the same memory with a fixed length: no subclass, no other realm, no growing with its buffer. */
export function plainView<T>(type: ViewConstructor<T>, view: AnyView): T {
  return new type(view.buffer, view.byteOffset, view.length)
}

/** Zeroed memory that any thread may read: what is converted need not be copied again for an asynchronous run. */
export function sharedView<T>(owner: string, type: ViewConstructor<T>, length: number): T {
  try {
    return new type(new SharedArrayBuffer(length * type.BYTES_PER_ELEMENT))
  } catch (cause) {
    throw new BackendError(`${owner}: expected memory for ${length} converted numbers, got none. Pass fewer rows at a time`, { cause })
  }
}
