import { ShapeError, wrongKind } from './errors.js'
import { type StaticShape, staticElementCount } from './shape.js'

/** Row-major numbers and their shape. `data` may be a view into memory of the library (a model's parameters). */
export interface Tensor<Data extends Float32Array | Float64Array | Int32Array | Uint8Array = Float32Array> {
  readonly data: Data
  readonly shape: StaticShape
}

/**
 * A tensor over `data`, not copied.
 *
 * @param data Float32Array, or numbers (copied into a Float32Array)
 * @param shape sizes from the outermost to the innermost dimension; omitted: one dimension
 * @throws ShapeError when the shape does not hold exactly data.length elements; TypeError for data or a shape of another kind
 * @example await net.predict(tensor([0.5, -0.5, 1, 0], [2, 2])) // two rows of two
 */
export function tensor(data: Float32Array | readonly number[], shape?: StaticShape): Tensor {
  if (!(data instanceof Float32Array) && !Array.isArray(data)) throw wrongKind('tensor', 'a Float32Array or an array of numbers', data)
  const values = data instanceof Float32Array ? data : numbersOf(data)
  const sizes = shape ?? [values.length]
  if (!Array.isArray(sizes) || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw wrongKind('tensor', 'a shape of non-negative integers', sizes)
  const expected = staticElementCount(sizes)
  if (expected !== values.length)
    throw new ShapeError(`tensor: expected ${expected} elements for shape [${sizes.join(', ')}], got ${values.length}`, {
      expected,
      actual: values.length
    })
  return { data: values, shape: Object.freeze([...sizes]) }
}

/** Not what conversion makes of texts and nothing: a hole would be NaN, and true a 1. */
function numbersOf(data: readonly unknown[]): Float32Array {
  return Float32Array.from(data, (number, index) => {
    if (typeof number !== 'number') throw wrongKind('tensor', `data[${index}] to be a number`, number)
    return number
  })
}
