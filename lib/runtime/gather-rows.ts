import { outOfRange, ShapeError } from '../errors.js'
import type { TypedArray } from '../kernels/types.js'
import type { RowSelection } from './runtime.js'

export interface RowCopy {
  readonly rowElements: number
  readonly count: number
  /** Row numbers; omitted: consecutive from `first`. */
  readonly rows?: Int32Array | undefined
  /** Where the numbers of this copy start in `rows`, or the first row. */
  readonly first: number
  /** Both or neither: value · scale + shift. */
  readonly scale?: number | undefined
  readonly shift?: number | undefined
}

/**
 * target row i = source row; a loop rather than views and `set`, so that nothing is allocated. With a scale, one
 * float32 product and one float32 sum: both are exact in float64 but for the last rounding.
 */
export function copyRows(target: TypedArray, targetStart: number, source: TypedArray, copy: RowCopy): void {
  const { rowElements, count, rows, first } = copy
  for (let row = 0; row < count; row++) {
    const from = (rows ? rows[first + row]! : first + row) * rowElements
    const to = targetStart + row * rowElements
    if (copy.scale !== undefined) scaleRow(target, to, source, from, rowElements, copy.scale, copy.shift ?? 0)
    else for (let i = 0; i < rowElements; i++) target[to + i] = source[from + i]!
  }
}

function scaleRow(target: TypedArray, to: number, source: TypedArray, from: number, length: number, scale: number, shift: number): void {
  const [factor, summand] = [Math.fround(scale), Math.fround(shift)]
  for (let i = 0; i < length; i++) target[to + i] = Math.fround(source[from + i]! * factor) + summand
}

/** Throws RangeError unless every row that `rows` (or `first` and `count`) names is one of the `available`. */
export function checkRows(owner: string, available: number, rows: Int32Array | undefined, first: number, count: number): void {
  if (!rows) {
    if (!Number.isSafeInteger(first) || first < 0 || first + count > available)
      throw outOfRange(owner, `${count} rows from row ${first} on, of the source's ${available}`, first + count)
    return
  }
  if (rows.length < count)
    throw new ShapeError(`${owner}: expected ${count} row numbers, got ${rows.length}`, { expected: count, actual: rows.length })
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    if (row < 0 || row >= available) throw outOfRange(`${owner}: row number ${i}`, `0 to ${available - 1}`, row)
  }
}

/** `Runtime.gather` in TypeScript. */
export function gather(target: TypedArray, source: TypedArray, rowElements: number, selection: RowSelection): void {
  const { rows, first = 0, count } = selection
  const owner = 'gather'
  if (Object.prototype.toString.call(target) !== Object.prototype.toString.call(source))
    throw new TypeError(
      `${owner}: expected source and target of one element type, got ${source.constructor.name} and ${target.constructor.name}`
    )
  if (!Number.isSafeInteger(rowElements) || rowElements < 0)
    throw outOfRange(owner, 'rowElements to be a non-negative integer', rowElements)
  if (!Number.isSafeInteger(count) || count < 0) throw outOfRange(owner, 'count to be a non-negative integer', count)
  if (target.length < count * rowElements)
    throw new ShapeError(`${owner}: expected room for ${count} rows of ${rowElements} elements, got ${target.length} elements`, {
      expected: count * rowElements,
      actual: target.length
    })
  // Rows of no elements are never missing.
  checkRows(owner, rowElements === 0 ? Number.POSITIVE_INFINITY : Math.floor(source.length / rowElements), rows, first, count)
  copyRows(target, 0, source, { rowElements, count, rows, first: rows ? 0 : first })
}
