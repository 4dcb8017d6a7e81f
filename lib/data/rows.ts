import { describe, expectation, outOfRange, ShapeError, withCode, wrongKind } from '../errors.js'
import { formatShape, type StaticShape, staticElementCount } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { classNumbers } from './classes.js'
import { flatten } from './flatten.js'
import { checkIntegerView, wholeNumbers } from './integers.js'
import { sliceElements } from './pace.js'
import { type AnyView, assertAttached, isBigIntView, isFixedShared, type NumberView, plainView, sharedView, viewKind } from './views.js'

/** Whatever a user passed, as rows of one element type, one after the other. */
export interface RowSource {
  /** `x` or `y`, for messages. */
  readonly name: string
  readonly rows: number
  readonly rowShape: StaticShape
  readonly rowElements: number
  /** Exactly rows × rowElements. The user's own memory where nothing had to be converted. */
  readonly data: Float32Array | Int32Array | Uint8Array
  /** A value v stands for v · scale + shift. */
  readonly scale?: number
  readonly shift?: number
  /** The memory can neither move nor shrink: an asynchronous run may read it where it is. */
  readonly shared: boolean
}

export interface InputRequest {
  readonly name?: string
  /** Shape of one row. */
  readonly rowShape: StaticShape
  /** 'int32': whole numbers. Default 'float32'. */
  readonly dtype?: 'float32' | 'int32'
  /** The input's own; they apply to values of every type, so that a byte and the same number as a float mean the same. */
  readonly scale?: number | undefined
  readonly shift?: number | undefined
}

export interface TargetRequest {
  readonly name?: string
  /** 'classes': one class number a row; 'values': numbers of rowShape. */
  readonly target: 'classes' | 'values'
  readonly rowShape: StaticShape
  /** Class numbers are 0 … classes − 1. */
  readonly classes?: number
  /** A class number besides. */
  readonly ignored?: number
  /** Number of a row in its source, for messages; default: as it stands here. */
  readonly number?: (row: number) => number
}

/** Nested arrays of any depth; innermost arrays may be typed. */
export type NestedNumbers = readonly (number | NumberView | NestedNumbers)[]
export type InputData = Tensor<Float32Array | Float64Array | Int32Array | Uint8Array> | NumberView | NestedNumbers
export type TargetData = InputData | AnyView

/** Row numbers are int32 in the runtimes. */
const mostRows = 2 ** 31 - 1

/**
 * `x` as rows. Used where it stands: Float32Array, Uint8Array (a Buffer too), and tensors of these. Converted to
 * float32 (or int32) in slices: nested arrays, and typed arrays of other numbers. Byte offsets are respected; a flat array
 * holds rows · rowElements numbers. NaN and infinities pass: the step that reads them refuses them.
 *
 * @throws ShapeError, TypeError naming the place that does not fit
 */
export function* inputRows(owner: string, value: unknown, request: InputRequest): Sliced<RowSource> {
  const { scale, shift, dtype = 'float32' } = request
  const read = dtype === 'int32' ? 'integers' : 'numbersOrBytes'
  const source = yield* numberRows({ owner, name: request.name ?? 'x', rowShape: request.rowShape, read }, value)
  return { ...source, ...(scale === undefined ? {} : { scale }), ...(shift === undefined ? {} : { shift }) }
}

/**
 * `y` as rows: class numbers from integers (any integer array, or an array of whole numbers), as int32; or float32
 * values of the output's shape.
 *
 * @throws ShapeError, TypeError, RangeError naming the place that does not fit
 */
export function* targetRows(owner: string, value: unknown, request: TargetRequest): Sliced<RowSource> {
  const name = request.name ?? 'y'
  if (request.target === 'values') return yield* numberRows({ owner, name, rowShape: request.rowShape, read: 'numbers' }, value)
  const { data, shared } = yield* classNumbers(owner, name, value, request)
  return checked(owner, { name, rows: data.length, rowShape: [], rowElements: 1, data, shared })
}

/**
 * Weights of rows, one number each: an array, a typed array or a tensor of shape [rows], as float32.
 *
 * @throws ShapeError, TypeError, RangeError naming a weight that is negative or not finite
 */
export function* weightRows(
  owner: string,
  value: unknown,
  { name, number = (row) => row }: Pick<TargetRequest, 'number'> & { readonly name: string }
): Sliced<RowSource> {
  const source = yield* numberRows({ owner, name, rowShape: [], read: 'numbers' }, value)
  const { data, rows } = source
  for (let start = 0; start < rows; start += sliceElements) {
    const end = Math.min(rows, start + sliceElements)
    for (let i = start; i < end; i++)
      if (!(data[i]! >= 0 && data[i]! < Number.POSITIVE_INFINITY))
        throw withCode(
          new RangeError(expectation(owner, `${name} to hold finite numbers, none negative`, `${name}[${number(i)}] = ${data[i]}`)),
          'EVENKEEL_RANGE'
        )
    yield
  }
  return source
}

/** Rows first … first + count − 1 of a source, not copied. */
export function rowRange(source: RowSource, first: number, count: number): RowSource {
  const { rowElements } = source
  return { ...source, rows: count, data: source.data.subarray(first * rowElements, (first + count) * rowElements) }
}

/** Throws when a buffer was transferred or resized since the source was made: call it before each read. */
export function assertStable(owner: string, source: RowSource): void {
  if (source.data.length !== source.rows * source.rowElements) assertAttached(owner, source.name, source.data)
}

/** Throws unless both have as many rows. */
export function assertSameRows(owner: string, x: RowSource, y: RowSource): void {
  if (x.rows === y.rows) return
  throw new ShapeError(`${owner}: expected ${y.name} to have ${x.rows} rows as ${x.name} has, got ${y.rows}`, {
    expected: x.rows,
    actual: y.rows
  })
}

interface Rows {
  readonly owner: string
  readonly name: string
  readonly rowShape: StaticShape
  /** As float32; as float32 but for bytes, which stay; as int32. */
  readonly read: 'numbers' | 'numbersOrBytes' | 'integers'
}

function* numberRows(asked: Rows, value: unknown): Sliced<RowSource> {
  if (Array.isArray(value)) return yield* fromArray(asked, value)
  if (viewKind(value)) return yield* fromView(asked, value as AnyView)
  if (isTensor(value)) {
    assertAttached(asked.owner, asked.name, value.data)
    checkTensorShape(asked, value)
    return yield* fromView(asked, value.data)
  }
  throw wrongKind(asked.owner, `${asked.name} to be a tensor, a typed array or nested arrays`, value, hintFor(value))
}

function* fromArray(asked: Rows, value: readonly unknown[]): Sliced<RowSource> {
  const { owner, name, rowShape } = asked
  // [1, 2, 3, ...] is a flat array like a typed one; anything else is an array of rows.
  const flat = typeof value[0] === 'number'
  const rows = flat ? rowCount(asked, value.length, () => describe(value)) : value.length
  const shape = flat ? [value.length] : [rows, ...rowShape]
  const data = sharedView<Float32Array | Float64Array>(
    owner,
    asked.read === 'integers' ? Float64Array : Float32Array,
    staticElementCount(shape)
  )
  yield* flatten(owner, name, value, shape, data)
  return source(asked, rows, asked.read === 'integers' ? yield* wholeNumbers(owner, name, data) : (data as Float32Array), true)
}

function* fromView(asked: Rows, view: AnyView): Sliced<RowSource> {
  const { owner, name } = asked
  if (asked.read === 'integers') checkIntegerView(owner, name, view)
  assertAttached(owner, name, view)
  const rows = rowCount(asked, view.length, () => describe(view))
  const kind = viewKind(view)
  const shared = isFixedShared(view)
  if (asked.read === 'integers')
    return kind === 'Int32Array'
      ? source(asked, rows, plainView(Int32Array, view), shared)
      : source(asked, rows, yield* wholeNumbers(owner, name, view), true)
  if (isBigIntView(view)) throw wrongKind(owner, `${name} to hold numbers`, view)
  if (kind === 'Float32Array') return source(asked, rows, plainView(Float32Array, view), shared)
  if (asked.read === 'numbersOrBytes' && (kind === 'Uint8Array' || kind === 'Uint8ClampedArray'))
    return source(asked, rows, plainView(Uint8Array, view), shared)
  return source(asked, rows, yield* widened(asked, view), true)
}

/** Elements that one slice converts between typed arrays: about 0.03 to 0.1 ms. */
const viewSlice = 1 << 15

function* widened({ owner, name }: Rows, view: NumberView): Sliced<Float32Array> {
  const { length } = view
  const out = sharedView(owner, Float32Array, length)
  for (let start = 0; start < length; start += viewSlice) {
    if (view.length !== length) throw outOfRange(owner, `${name} to keep its ${length} numbers while they are read`, view.length)
    out.set(view.subarray(start, Math.min(length, start + viewSlice)), start)
    yield
  }
  return out
}

function source({ owner, name, rowShape }: Rows, rows: number, data: RowSource['data'], shared: boolean): RowSource {
  return checked(owner, { name, rows, rowShape, rowElements: staticElementCount(rowShape), data, shared })
}

function checked(owner: string, source: RowSource): RowSource {
  if (source.rows <= mostRows) return source
  throw new ShapeError(`${owner}: expected ${source.name} to have at most ${mostRows} rows, got ${source.rows}`, {
    expected: mostRows,
    actual: source.rows
  })
}

function rowCount({ owner, name, rowShape }: Rows, length: number, got: () => string): number {
  const elements = staticElementCount(rowShape)
  const rows = length / elements
  if (Number.isInteger(rows)) return rows
  const expected = `rows · ${elements}`
  throw new ShapeError(`${owner}: expected ${name} to hold ${expected} numbers (rows of shape ${formatShape(rowShape)}), got ${got()}`, {
    expected,
    actual: length
  })
}

function isTensor(value: unknown): value is Tensor<Float32Array> {
  const { data, shape } = (value ?? {}) as { data?: unknown; shape?: unknown }
  return viewKind(data) !== undefined && Array.isArray(shape)
}

function checkTensorShape({ owner, name, rowShape }: Rows, { data, shape }: Tensor<Float32Array>): void {
  const fits =
    shape.length === rowShape.length + 1 &&
    Number.isSafeInteger(shape[0]) &&
    shape[0]! >= 0 &&
    rowShape.every((size, index) => size === shape[index + 1])
  const expected = `[rows${rowShape.map((size) => `, ${size}`).join('')}]`
  const details = { expected, actual: shape }
  // First: an array of any length may stand there, and counting its product would take as long.
  if (!fits) throw new ShapeError(`${owner}: expected ${name} to have the shape ${expected}, got ${describe(shape)}`, details)
  const count = staticElementCount(shape)
  if (count !== data.length)
    throw new ShapeError(
      `${owner}: expected ${count} numbers in ${name} for its shape ${describe([...shape])}, got ${data.length}`,
      details
    )
}

function hintFor(value: unknown): string | undefined {
  const tag = Object.prototype.toString.call(value)
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]' || tag === '[object DataView]')
    return 'Wrap it: new Float32Array(buffer), or new Uint8Array(buffer) for bytes'
  return value instanceof Promise ? 'Await it first' : undefined
}
