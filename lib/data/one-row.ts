import { describe, ShapeError, wrongKind } from '../errors.js'
import { formatShape, type StaticShape, staticElementCount } from '../shape.js'
import { finish } from '../sliced.js'
import { flatten } from './flatten.js'
import { type AnyView, assertAttached, isBigIntView, type NumberView, viewKind } from './views.js'

/** What one row of `elements` numbers is asked to look like. */
export interface RowForm {
  readonly owner: string
  readonly shape: StaticShape
  readonly elements: number
}

export function rowForm(owner: string, shape: StaticShape): RowForm {
  return { owner, shape, elements: staticElementCount(shape) }
}

/** What a row is called in messages: `rows[17]`. Asked only where there is something to say. */
export type RowName = () => string

/**
 * Writes one row: typed or nested arrays of the row's shape, flat ones, a tensor, or a number where the row is one.
 *
 * @throws ShapeError, TypeError; `out` may then hold half of it
 */
export function writeRow(form: RowForm, name: RowName, value: unknown, out: Float32Array, start: number): void {
  if (viewKind(value)) writeView(form, name, value as AnyView, out, start)
  else if (Array.isArray(value)) writeArray(form, name, value, out, start)
  else if (typeof value === 'number' && form.elements === 1) out[start] = value
  else writeView(form, name, tensorData(form, name, value), out, start)
}

function writeArray({ owner, shape, elements }: RowForm, name: RowName, value: readonly unknown[], out: Float32Array, start: number): void {
  const flat = typeof value[0] === 'number' && value.length === elements
  let index = 0
  if (flat)
    for (; index < elements; index++) {
      const number = value[index]
      if (typeof number !== 'number') break
      out[start + index] = number
    }
  if (!flat || index < elements) finish(flatten(owner, name(), value, flat ? [elements] : shape, out.subarray(start, start + elements)))
}

function tensorData({ owner, shape, elements }: RowForm, name: RowName, value: unknown): AnyView {
  const { data, shape: given } = (value ?? {}) as { data?: unknown; shape?: unknown }
  if (!viewKind(data) || !Array.isArray(given)) throw wrongKind(owner, `${name()} to be ${formText(shape, elements)}`, value, hint(value))
  if (!sameShape(given, shape))
    throw new ShapeError(`${owner}: expected ${name()} to have the shape ${formatShape(shape)}, got ${describe([...given])}`, {
      expected: shape,
      actual: given
    })
  return data as AnyView
}

function writeView({ owner, shape, elements }: RowForm, name: RowName, view: AnyView, out: Float32Array, start: number): void {
  if (view.length !== elements) {
    assertAttached(owner, name(), view)
    throw new ShapeError(
      `${owner}: expected ${name()} to hold ${elements} numbers (the shape ${formatShape(shape)}), got ${describe(view)}`,
      {
        expected: elements,
        actual: view.length
      }
    )
  }
  if (isBigIntView(view)) throw wrongKind(owner, `${name()} to hold numbers`, view)
  // A call of `set` costs more than a few numbers.
  if (elements > 16) out.set(view as NumberView, start)
  else for (let i = 0; i < elements; i++) out[start + i] = view[i] as number
}

function formText(shape: StaticShape, elements: number): string {
  if (elements === 1) return 'a number, an array of one, or a tensor'
  return shape.length === 1 ? `an array of ${elements}` : `an array of the shape ${formatShape(shape)}`
}

const hint = (value: unknown): string | undefined => (value instanceof Promise ? 'Await it first' : undefined)

export function sameShape(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index])
}

/**
 * The one row that `x` is made of, in the forms that `predict` takes: a flat array, an array of one row, a tensor of
 * one. undefined where `x` is anything else; that it fits is not yet said.
 */
export function onlyRow(x: unknown, { shape, elements }: RowForm): unknown {
  if (viewKind(x)) return (x as AnyView).length === elements ? x : undefined
  if (Array.isArray(x)) {
    if (typeof x[0] === 'number') return x.length === elements ? x : undefined
    return x.length === 1 ? x[0] : undefined
  }
  const { data, shape: given } = (x ?? {}) as { data?: unknown; shape?: unknown }
  if (!viewKind(data) || !Array.isArray(given)) return undefined
  return given[0] === 1 && sameShape(given.slice(1), shape) && (data as AnyView).length === elements ? data : undefined
}
