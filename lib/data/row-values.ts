import { DataError, describe } from '../errors.js'
import type { StaticShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import type { Block, Part, Values } from './blocks.js'
import type { NestedNumbers } from './rows.js'
import type { NumberView } from './views.js'

/** The numbers of one row: flat ones, nested arrays, or a tensor of the row's shape. */
export type RowValues = number | NumberView | NestedNumbers | Tensor<Float32Array | Float64Array | Int32Array | Uint8Array>

/** One row of a dataset. */
export interface RowSample {
  /** By name where the model has several inputs. */
  readonly x: RowValues | Readonly<Record<string, RowValues>>
  /** A class number, a value, or several values. */
  readonly y?: RowValues | Readonly<Record<string, RowValues>>
  readonly sampleWeight?: number
  /** Other columns of a file, one cell each. */
  readonly columns?: Readonly<Record<string, unknown>>
}

/** A row of a block as its reader sees it; arrays are copies, which the reader may write to. */
export function rowOf({ parts }: Block, row: number): RowSample {
  const sample: Record<string, unknown> = {}
  for (const [name, { data, shape, width }] of parts) {
    const value = shape.length === 0 ? data[row] : copyOf(data, row * width, width, shape)
    const dot = name.indexOf('.')
    if (dot < 0) sample[name] = value
    else ((sample[name.slice(0, dot)] ??= {}) as Record<string, unknown>)[name.slice(dot + 1)] = value
  }
  return sample as unknown as RowSample
}

function copyOf(data: Values, start: number, width: number, shape: StaticShape): unknown {
  const values = data.slice(start, start + width)
  return shape.length === 1 ? values : { data: values, shape }
}

/** A part on its way: its rows so far. */
interface OpenPart {
  readonly shape: StaticShape
  readonly width: number
  readonly empty: (rows: number) => Values
  data: Values
}

/** Puts rows together to blocks. The first row of all decides which parts there are, and of which shape and type. */
export class RowBuilder {
  readonly #parts = new Map<string, OpenPart>()
  #numbers: Float64Array
  #rows = 0
  #begun = false
  readonly #capacity: number

  /** @param capacity rows of a block that are expected */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#numbers = new Float64Array(capacity)
  }

  get rows(): number {
    return this.#rows
  }

  /** @throws DataError for what is no row, or one unlike the first */
  add(owner: string, sample: RowSample, number: number): void {
    if (typeof sample !== 'object' || sample === null || !('x' in sample)) throw wrong(owner, 'a row { x, y }', describe(sample), number)
    if (this.#rows === this.#numbers.length) this.#grow()
    let count = 0
    for (const [name, value] of Object.entries(sample)) {
      if (value === undefined) continue
      if (!['x', 'y', 'sampleWeight', 'columns'].includes(name)) continue
      if (name === 'columns') for (const [key, cell] of Object.entries(value)) count += this.#cell(owner, `columns.${key}`, cell, number)
      else if (isNamed(value)) for (const [key, part] of Object.entries(value)) count += this.#part(owner, `${name}.${key}`, part, number)
      else count += this.#part(owner, name, value, number)
    }
    if (count !== this.#parts.size)
      throw wrong(owner, `${[...this.#parts.keys()].join(', ')} as in the rows before`, Object.keys(sample).join(', '), number)
    this.#begun = true
    this.#numbers[this.#rows++] = number
  }

  /** The rows so far, and begins the next block. */
  take(): Block {
    const rows = this.#rows
    const parts = new Map<string, Part>()
    for (const [name, { data, shape, width }] of this.#parts)
      parts.set(name, {
        shape,
        width,
        data: Array.isArray(data) ? data.slice(0, rows * width) : (data as Float32Array).subarray(0, rows * width)
      })
    const block = { rows, numbers: this.#numbers.subarray(0, rows), parts }
    this.#rows = 0
    this.#numbers = new Float64Array(this.#capacity)
    for (const part of this.#parts.values()) part.data = part.empty(this.#capacity)
    return block
  }

  #cell(owner: string, name: string, cell: unknown, number: number): number {
    const part = this.#open(owner, name, number, [], () => [])
    ;(part.data as unknown[])[this.#rows] = cell
    return 1
  }

  #part(owner: string, name: string, value: unknown, number: number): number {
    const { data, shape } = (value ?? {}) as Partial<Tensor>
    const tensor = ArrayBuffer.isView(data) && Array.isArray(shape)
    if (typeof value === 'number') {
      const part = this.#open(owner, name, number, [], (rows) => (name === 'sampleWeight' ? new Float32Array(rows) : []))
      ;(part.data as number[])[this.#rows] = value
      return 1
    }
    const source = tensor ? data : value
    const rowShape = tensor ? shape : shapeOf(source)
    if (rowShape === undefined) throw wrong(owner, `${name} to be numbers`, describe(value), number)
    const width = rowShape.reduce((product, size) => product * size, 1)
    const kind = source instanceof Uint8Array ? Uint8Array : Float32Array
    const part = this.#open(owner, name, number, rowShape, (rows) => new kind(rows * width))
    if (part.data instanceof Uint8Array && kind !== Uint8Array)
      throw wrong(owner, `${name} of bytes as in the rows before`, describe(source), number)
    const filled = fill(part.data as Float32Array, this.#rows * width, source as NestedNumbers)
    if (filled !== (this.#rows + 1) * width)
      throw wrong(owner, `${name} of shape [${rowShape.join(', ')}]`, 'rows of different length inside', number)
    return 1
  }

  #open(owner: string, name: string, number: number, shape: StaticShape, empty: (rows: number) => Values): OpenPart {
    const known = this.#parts.get(name)
    if (!known && !this.#begun) {
      const part = { shape, width: shape.reduce((product, size) => product * size, 1), empty, data: empty(this.#numbers.length) }
      this.#parts.set(name, part)
      return part
    }
    if (!known) throw wrong(owner, `${[...this.#parts.keys()].join(', ')} as in the rows before`, name, number)
    if (known.shape.length !== shape.length || known.shape.some((size, index) => size !== shape[index]))
      throw wrong(owner, `${name} of shape [${known.shape.join(', ')}] as in the rows before`, `[${shape.join(', ')}]`, number)
    return known
  }

  #grow(): void {
    const capacity = Math.max(64, this.#numbers.length * 2)
    const numbers = new Float64Array(capacity)
    numbers.set(this.#numbers)
    this.#numbers = numbers
    for (const part of this.#parts.values()) {
      if (Array.isArray(part.data)) continue
      const old = part.data as Float32Array
      const wider = new (old.constructor as Float32ArrayConstructor)(capacity * part.width)
      wider.set(old)
      part.data = wider
    }
  }
}

function wrong(owner: string, expected: string, actual: string, row: number): DataError {
  return new DataError(`${owner}: expected ${expected}, got ${actual} in row ${row}`, { row })
}

/** `{ a: ..., b: ... }`: neither an array nor a tensor. */
function isNamed(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false
  return !ArrayBuffer.isView((value as Partial<Tensor>).data)
}

function shapeOf(value: unknown): number[] | undefined {
  if (ArrayBuffer.isView(value)) return 'length' in value ? [value.length as number] : undefined
  if (!Array.isArray(value)) return undefined
  if (value.length === 0 || typeof value[0] === 'number') return [value.length]
  const inner = shapeOf(value[0])
  return inner && [value.length, ...inner]
}

/** Writes the numbers of nested arrays side by side. @returns where they end */
function fill(target: Float32Array | Uint8Array, at: number, value: NestedNumbers | NumberView): number {
  if (ArrayBuffer.isView(value)) {
    target.set(value as Float32Array, at)
    return at + (value as Float32Array).length
  }
  let end = at
  for (const item of value) {
    if (typeof item === 'number') target[end++] = item
    else end = fill(target, end, item)
  }
  return end
}
