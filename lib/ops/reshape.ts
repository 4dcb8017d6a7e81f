import type { Operation, Value } from '../graph/graph.js'
import { elementCount, formatDimension, type Shape, sameDimension } from '../shape.js'
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

/**
 * The same elements, row-major, under another shape. Nothing is copied.
 *
 * @param shape its first size may be x's own, which stands for the batch
 * @throws ShapeError when the numbers of elements differ
 */
export function reshape(x: Value, shape: Shape): Value {
  return x.graph.apply(operation, [x], { shape })[0]!
}
