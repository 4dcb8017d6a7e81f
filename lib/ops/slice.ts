import { wrongKind } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { addDimensions, type Dimension, formatDimension, type Shape, sameDimension } from '../shape.js'
import { expectFloat32, float32, product, wholeShape } from './types.js'

/** A range along one dimension. */
export interface AxisRange {
  readonly axis: number
  readonly before: Dimension
  readonly length: Dimension
  readonly after: Dimension
}

const operation: Operation<AxisRange> = {
  name: 'slice',
  infer: ([x], { axis, length }) => [float32(x!.shape.with(axis, length))],
  gradient({ attributes }, [upstream]) {
    return [pad(upstream!, attributes as AxisRange)]
  },
  lower({ inputs: [x], outputs: [out], attributes }, lowering) {
    lowering.call('slice', [out!, x!], rowsOf(x!.shape, attributes as AxisRange))
  }
}

const padOperation: Operation<AxisRange> = {
  name: 'pad',
  infer: ([x], { axis, before, length, after }) => [
    float32(
      x!.shape.with(
        axis,
        [length, after].reduce<Dimension>((sum, size) => addDimensions(sum, size), before)
      )
    )
  ],
  gradient({ attributes }, [upstream]) {
    return [upstream!.graph.apply(operation, [upstream!], attributes as AxisRange)[0]!]
  },
  lower({ inputs: [x], outputs: [out], attributes }, lowering) {
    lowering.call('fill', [out!], [product(out!.shape)], [0])
    lowering.call('place', [out!, x!], rowsOf(out!.shape, attributes as AxisRange))
  }
}

/** Zeros around x along one dimension. */
function pad(x: Value, range: AxisRange): Value {
  return x.graph.apply(padOperation, [x], range)[0]!
}

/** [outer, before, length, after] of a shape as rows along `axis`. */
export function rowsOf(shape: Shape, { axis, before, length, after }: AxisRange): [Dimension, Dimension, Dimension, Dimension] {
  const inner = product(shape.slice(axis + 1))
  return [product(shape.slice(0, axis)), product([before, inner]), product([length, inner]), product([after, inner])]
}

/** x's elements from `begin` on, `length` of them along one dimension. */
export function sliceAxis(x: Value, axis: number, before: Dimension, length: Dimension): Value {
  const after = addDimensions(addDimensions(x.shape[axis]!, before, -1), length, -1)
  return x.graph.apply(operation, [x], { axis, before, length, after })[0]!
}

/**
 * A block of x: along each dimension the elements begin … begin + size − 1.
 *
 * @param begin one number a dimension, at least 0; dimensions that are left out at the end start at 0
 * @param size one a dimension: a number, or a dimension of a value's shape such as the batch; −1, or left out: up to the end
 * @returns the sizes
 * @throws ShapeError where the block reaches beyond x. Where that depends on the batch, a run with too few rows is refused
 */
export function slice(x: Value, begin: readonly number[], size: readonly Dimension[] = []): Value {
  expectFloat32('ops.slice', x)
  for (const list of [begin, size])
    if (!Array.isArray(list) || list.length > x.shape.length)
      throw wrongKind('ops.slice', `lists of at most ${x.shape.length} numbers`, list)
  let value = x
  for (const [axis, whole] of x.shape.entries()) {
    const before = begin[axis] ?? 0
    const rest = addDimensions(whole, before, -1)
    const asked = size[axis] ?? -1
    const length = asked === -1 ? rest : asked
    const after = addDimensions(rest, length, -1)
    const natural = (number: unknown): boolean => typeof number !== 'number' || (Number.isSafeInteger(number) && number >= 0)
    if (typeof before !== 'number' || ![before, length, after].every(natural))
      throw wholeShape(
        'ops.slice',
        x.graph.label,
        `begin and size of a block within the ${formatDimension(whole)} elements of dimension ${axis}`,
        [before, length]
      )
    if (before !== 0 || !sameDimension(length, whole)) value = sliceAxis(value, axis, before, length)
  }
  return value
}
