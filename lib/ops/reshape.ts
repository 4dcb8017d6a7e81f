import { wrongKind } from '../errors.js'
import { isValue, type Operation, type Value } from '../graph/graph.js'
import { type Dimension, divideDimensions, elementCount, formatDimension, formatShape, type Shape, sameDimension } from '../shape.js'
import { wholeShape } from './types.js'

interface Attributes {
  readonly shape: Shape
}

const operation: Operation<Attributes> = {
  name: 'reshape',
  view: true,
  infer([x], { shape }, label) {
    const [from, to] = [elementCount(x!.shape), elementCount(shape)]
    if (!sameDimension(from, to)) throw wholeShape('ops.reshape', label, `a shape of ${formatDimension(from)} elements`, shape)
    return [{ shape, dtype: x!.dtype }]
  },
  gradient: ({ inputs: [x] }, [upstream]) => [reshape(upstream!, x!.shape)],
  lower() {}
}

/** A whole number, or the batch and what was computed from it. */
export function isDimension(size: unknown): size is Dimension {
  return Number.isSafeInteger(size) || (typeof size === 'object' && size !== null && 'terms' in size && 'constant' in size)
}

/** The shape with a single −1 replaced by what is left of the elements. */
function inferred(x: Value, shape: Shape): Shape {
  const open = shape.indexOf(-1)
  if (open < 0) return shape
  const others = shape.toSpliced(open, 1)
  const left = others.includes(-1) ? undefined : divideDimensions(elementCount(x.shape), elementCount(others))
  if (left === undefined)
    throw wholeShape('ops.reshape', x.graph.label, `a shape whose single −1 stands for a part of ${formatShape(x.shape)}`, shape)
  return shape.with(open, left)
}

/**
 * The same elements, row-major, under another shape. Nothing is copied.
 *
 * @param shape sizes, or dimensions of another value's shape, such as the batch; one of them may be −1 and follows from the others
 * @throws ShapeError when the numbers of elements differ, or −1 stands for no whole size
 */
export function reshape(x: Value, shape: Shape): Value {
  const owner = 'ops.reshape'
  if (!isValue(x)) throw wrongKind(owner, 'a value', x)
  if (!Array.isArray(shape)) throw wrongKind(owner, 'a shape: an array of sizes', shape)
  for (const size of shape as readonly unknown[])
    if (!isDimension(size) || (typeof size === 'number' && size < -1))
      throw wrongKind(owner, 'sizes that are whole numbers, a single −1 or dimensions of another value', size)
  return x.graph.apply(operation, [x], { shape: inferred(x, shape) })[0]!
}
