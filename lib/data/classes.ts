import { describe, expectation, outOfRange, ShapeError, withCode, wrongKind } from '../errors.js'
import type { StaticShape } from '../shape.js'
import type { Sliced } from '../sliced.js'
import { sliceElements } from './pace.js'
import { type AnyView, assertAttached, isFixedShared, plainView, sharedView, viewKind } from './views.js'

/** One class number a row, as int32. An Int32Array is used where it stands; anything else is converted in slices. */
export function* classNumbers(
  owner: string,
  name: string,
  value: unknown,
  { classes, ignored, number }: Pick<Classes, 'classes' | 'ignored' | 'number'>
): Sliced<{ data: Int32Array; shared: boolean }> {
  const given = unwrapped(owner, name, value)
  const inPlace = viewKind(given) === 'Int32Array'
  const data = inPlace ? plainView(Int32Array, given as Int32Array) : sharedView(owner, Int32Array, given.length)
  yield* copyClasses({ owner, name, classes, ignored, number }, given, data)
  return { data, shared: !inPlace || isFixedShared(data) }
}

interface Classes {
  readonly owner: string
  readonly name: string
  readonly classes?: number | undefined
  /** A number that is welcome besides. */
  readonly ignored?: number | undefined
  /** Of a row in its source, for messages. */
  readonly number?: ((row: number) => number) | undefined
}

function* copyClasses(asked: Classes, given: ArrayLike<unknown>, data: Int32Array): Sliced<void> {
  const { length } = data
  const limit = asked.classes ?? 2 ** 31
  const big = viewKind(given)?.startsWith('Big') ?? false
  for (let start = 0; start < length; start += sliceElements) {
    const end = Math.min(length, start + sliceElements)
    for (let i = start; i < end; i++) {
      const value = big ? Number(given[i]) : (given[i] as number)
      if ((!Number.isInteger(value) || value < 0 || value >= limit) && value !== asked.ignored) throw wrongClass(asked, given, i, length)
      data[i] = value
    }
    yield
  }
}

/** The array inside a tensor of shape [rows], or the value itself: something indexed of integers. */
function unwrapped(owner: string, name: string, value: unknown): ArrayLike<unknown> {
  const { data, shape } = (value ?? {}) as { data?: unknown; shape?: StaticShape }
  const inside = viewKind(data) && Array.isArray(shape) ? data : value
  const kind = viewKind(inside)
  if (kind) assertAttached(owner, name, inside as AnyView)
  else if (!Array.isArray(inside)) throw wrongKind(owner, `${name} to be class numbers: an array of integers, or a typed one`, value)
  if (kind?.startsWith('Float'))
    throw wrongKind(
      owner,
      `${name} to hold class numbers as integers`,
      inside,
      `This loss takes the class number of each row: Int32Array.from(...)`
    )
  if (inside === data && (shape!.length !== 1 || shape![0] !== (data as AnyView).length))
    throw new ShapeError(`${owner}: expected ${name} to have the shape [rows], one class number a row, got ${describe([...shape!])}`, {
      expected: '[rows]',
      actual: shape
    })
  return inside as ArrayLike<unknown>
}

function wrongClass({ owner, name, classes, ignored, number }: Classes, given: ArrayLike<unknown>, index: number, length: number): Error {
  if (given.length !== length) return outOfRange(owner, `${name} to keep its ${length} class numbers while they are read`, given.length)
  const value = given[index]
  const range = `integers ${classes === undefined ? 'from 0' : `0 … ${classes - 1}`}${ignored === undefined ? '' : ` or ${ignored}`}`
  const expected = `${name} to hold class numbers, ${range}`
  const got = `${name}[${number?.(index) ?? index}] = ${describe(value)}`
  if (typeof value !== 'number' && typeof value !== 'bigint')
    return withCode(new TypeError(expectation(owner, expected, got, 'One class number a row')), 'EVENKEEL_TYPE')
  const advice = Number(value) === classes ? 'Class numbers count from 0' : undefined
  return withCode(new RangeError(expectation(owner, expected, got, advice)), 'EVENKEEL_LABEL')
}
