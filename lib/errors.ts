/** What every error of this library carries besides its message: a code that stays the same between versions. */
export type ErrorCode = `EVENKEEL_${string}`

export interface ErrorDetails {
  readonly code?: ErrorCode
  readonly cause?: unknown
}

/** A dimension, length or range that does not fit. `expected` and `actual` are what the message says, as values. */
export class ShapeError extends RangeError {
  override readonly name = 'ShapeError'
  readonly code: ErrorCode
  readonly expected: unknown
  readonly actual: unknown

  constructor(message: string, details: ErrorDetails & { expected?: unknown; actual?: unknown } = {}) {
    super(message, { cause: details.cause })
    this.code = details.code ?? 'EVENKEEL_SHAPE'
    this.expected = details.expected
    this.actual = details.actual
  }
}

/** The backend that was asked for cannot run, ran out of memory, or the object was disposed of. */
export class BackendError extends Error {
  override readonly name = 'BackendError'
  readonly code: ErrorCode

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = details.code ?? 'EVENKEEL_BACKEND'
  }
}

/** NaN or infinity where training needs finite numbers. Nothing of the step was written. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError'
  readonly code: ErrorCode
  /** What was not finite: an input's name, `'loss'`, or the dotted path of a layer's parameter or statistics. */
  readonly layer: string
  /** The step that was refused, counted from 0 over the life of the trainer; undefined outside of training. */
  readonly step: number | undefined

  constructor(message: string, details: ErrorDetails & { layer: string; step: number | undefined }) {
    super(message, { cause: details.cause })
    this.code = details.code ?? 'EVENKEEL_NON_FINITE'
    this.layer = details.layer
    this.step = details.step
  }
}

/** A file that is truncated, foreign, or of a version this library does not read. */
export class FileFormatError extends Error {
  override readonly name = 'FileFormatError'
  readonly code: ErrorCode

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = details.code ?? 'EVENKEEL_FILE_FORMAT'
  }
}

/** A row of a data set that cannot be used, or a source that failed: what came before it was complete. */
export class DataError extends Error {
  override readonly name = 'DataError'
  readonly code: ErrorCode
  /** Number of the row, counted from 0. */
  readonly row: number
  readonly column: string | undefined

  constructor(message: string, details: ErrorDetails & { row: number; column?: string | undefined }) {
    super(message, { cause: details.cause })
    this.code = details.code ?? 'EVENKEEL_DATA'
    this.row = details.row
    this.column = details.column
  }
}

/** `Owner.method: expected <what>, got <value>. <what to do>` */
export function expectation(owner: string, expected: string, actual: unknown, advice?: string): string {
  const sentence = `${owner}: expected ${expected}, got ${typeof actual === 'string' ? actual : describe(actual)}`
  return advice ? `${sentence}. ${advice}` : sentence
}

/** A `TypeError` with a stable code: a value of the wrong kind. */
export function wrongKind(owner: string, expected: string, actual: unknown, advice?: string): TypeError {
  letGo(actual)
  return withCode(new TypeError(expectation(owner, expected, describe(actual), advice)), 'EVENKEEL_TYPE')
}

/** A `RangeError` with a stable code: a value of the right kind, out of its range. */
export function outOfRange(owner: string, expected: string, actual: unknown, advice?: string): RangeError {
  letGo(actual)
  return withCode(new RangeError(expectation(owner, expected, describe(actual), advice)), 'EVENKEEL_RANGE')
}

/** Nobody awaits a promise that was refused: what it rejects with would end a Node process. */
function letGo(refused: unknown): void {
  try {
    if (refused instanceof Promise) Promise.prototype.then.call(refused, undefined, () => {})
  } catch {
    // A revoked proxy, or an object that only looks like a promise.
  }
}

export function withCode<E extends Error>(error: E, code: ErrorCode): E & { code: ErrorCode } {
  return Object.assign(error, { code })
}

/**
 * A short rendering of any value for an error message. It never throws: a value that cannot be looked at (a revoked
 * proxy, a getter that throws) would hide what was wrong with it.
 */
export function describe(value: unknown): string {
  return described(value, 0)
}

/** Deeper arrays are not shown: one that holds itself has no end. */
const deepestShown = 3

function described(value: unknown, depth: number): string {
  try {
    return rendered(value, depth)
  } catch {
    return typeof value === 'function' ? 'a function' : 'an object that cannot be read'
  }
}

function rendered(value: unknown, depth: number): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`
  if (typeof value === 'bigint') return bigintText(value)
  if (isKind(value)) return `a ${value.kind} layer`
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function'
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return arrayText(value, depth)
  if (ArrayBuffer.isView(value)) {
    const length = 'length' in value ? (value as Uint8Array).length : value.byteLength
    return `${value.constructor.name}(${length})`
  }
  if ('graph' in value && 'source' in value) return 'a value of a model'
  const name = value.constructor?.name
  return name && name !== 'Object' ? `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}` : 'an object'
}

function bigintText(value: bigint): string {
  const digits = value.toString()
  return digits.length > 60 ? `${digits.slice(0, 57)}...n` : `${digits}n`
}

function arrayText(value: readonly unknown[], depth: number): string {
  if (depth === deepestShown) return `an array of ${value.length}`
  const shown = Array.from({ length: Math.min(8, value.length) }, (_, i) => described(value[i], depth + 1)).join(', ')
  return `[${shown}${value.length > 8 ? `, ... ${value.length} in all` : ''}]`
}

/** A layer is a function with a kind, and its own `apply`. */
function isKind(value: unknown): value is { readonly kind: string } {
  return typeof value === 'function' && Object.hasOwn(value, 'apply') && typeof (value as { kind?: unknown }).kind === 'string'
}
