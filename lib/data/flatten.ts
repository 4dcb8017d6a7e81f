import { describe, ShapeError, wrongKind } from '../errors.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import type { Sliced } from '../sliced.js'
import { sliceElements } from './pace.js'
import { type AnyView, assertAttached, isBigIntView, type NumberView, viewKind } from './views.js'

/** Copies nested arrays of one shape into `out`, and refuses ragged ones by the position where they are. */
export function* flatten(
  owner: string,
  name: string,
  value: readonly unknown[],
  shape: StaticShape,
  out: Float32Array | Float64Array
): Sliced<void> {
  yield* new Flattening(owner, name, shape, out).copy(value, 0, 0)
}

class Flattening {
  readonly #owner: string
  readonly #name: string
  readonly #shape: StaticShape
  readonly #out: Float32Array | Float64Array
  /** Elements of one item at each depth. */
  readonly #elements: readonly number[]
  /** Where we are: the x[3][0] of messages. */
  readonly #position: number[] = []

  constructor(owner: string, name: string, shape: StaticShape, out: Float32Array | Float64Array) {
    this.#owner = owner
    this.#name = name
    this.#shape = shape
    this.#out = out
    this.#elements = shape.map((_, depth) => staticElementCount(shape.slice(depth + 1)))
  }

  /** Yields inside what is larger than a slice; what is smaller is copied whole. */
  *copy(value: unknown, depth: number, offset: number): Sliced<void> {
    if (viewKind(value)) return yield* this.#copyViewSliced(value as AnyView, depth, offset)
    const size = this.#shape[depth]!
    const elements = this.#elements[depth]!
    const stride = Math.max(1, Math.floor(sliceElements / Math.max(1, elements)))
    for (let first = 0; first < size; first += stride) {
      // Asked again after every yield: the caller may have changed the array meanwhile.
      const items = this.#items(value, depth)
      const end = Math.min(size, first + stride)
      if (depth === this.#shape.length - 1) this.#copyNumbers(items, first, end, depth, offset)
      else if (elements > sliceElements) yield* this.#copyItem(items[first], first, depth, offset)
      else this.#copyItems(items, first, end, depth, offset)
      yield
    }
    if (size === 0) this.#items(value, depth)
  }

  *#copyItem(item: unknown, index: number, depth: number, offset: number): Sliced<void> {
    this.#position[depth] = index
    yield* this.copy(item, depth + 1, offset + index * this.#elements[depth]!)
  }

  #copyItems(items: readonly unknown[], first: number, end: number, depth: number, offset: number): void {
    for (let i = first; i < end; i++) {
      this.#position[depth] = i
      this.#copyWhole(items[i], depth + 1, offset + i * this.#elements[depth]!)
    }
  }

  #copyWhole(value: unknown, depth: number, offset: number): void {
    if (viewKind(value)) {
      this.#checkView(value as AnyView, depth)
      this.#out.set(value as NumberView, offset)
      return
    }
    const items = this.#items(value, depth)
    const size = this.#shape[depth]!
    if (depth === this.#shape.length - 1) this.#copyNumbers(items, 0, size, depth, offset)
    else this.#copyItems(items, 0, size, depth, offset)
  }

  #copyNumbers(items: readonly unknown[], first: number, end: number, depth: number, offset: number): void {
    const out = this.#out
    for (let i = first; i < end; i++) {
      const number = items[i]
      if (typeof number !== 'number') {
        this.#position[depth] = i
        throw wrongKind(this.#owner, `${this.#at(depth + 1)} to be a number`, number)
      }
      out[offset + i] = number
    }
  }

  *#copyViewSliced(view: AnyView, depth: number, offset: number): Sliced<void> {
    this.#checkView(view, depth)
    for (let start = 0; start < view.length; start += sliceElements) {
      this.#out.set((view as NumberView).subarray(start, start + sliceElements), offset + start)
      yield
      this.#checkView(view, depth)
    }
  }

  /** A typed array stands for all inner dimensions at once: a list of rows that are Float32Arrays. */
  #checkView(view: AnyView, depth: number): void {
    const where = this.#at(depth)
    if (isBigIntView(view)) throw wrongKind(this.#owner, `${where} to hold numbers`, view)
    assertAttached(this.#owner, where, view)
    const expected = this.#shape[depth]! * this.#elements[depth]!
    if (view.length !== expected) throw this.#ragged(depth, view, view.length, expected)
  }

  #items(value: unknown, depth: number): readonly unknown[] {
    const expected = this.#shape[depth]!
    if (!Array.isArray(value)) throw wrongKind(this.#owner, `${this.#at(depth)} to be an array of ${expected}`, value)
    if (value.length !== expected) throw this.#ragged(depth, value, value.length, expected)
    return value
  }

  #ragged(depth: number, value: object, actual: number, expected: number): ShapeError {
    const got = Array.isArray(value) ? `${actual}` : describe(value)
    return new ShapeError(`${this.#owner}: expected ${this.#at(depth)} to have ${expected} numbers or arrays, got ${got}`, {
      expected,
      actual
    })
  }

  #at(depth: number): string {
    return (
      this.#name +
      this.#position
        .slice(0, depth)
        .map((index) => `[${index}]`)
        .join('')
    )
  }
}
