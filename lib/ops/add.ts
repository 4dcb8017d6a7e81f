import type { Operation, Value } from '../graph/graph.js'
import { elementCount } from '../shape.js'
import { expectShape, float32 } from './types.js'

const operation: Operation = {
  name: 'add',
  infer([a, b], _attributes, label) {
    expectShape('ops.add', label, 'a second value', b!, a!.shape)
    return [float32(a!.shape)]
  },
  gradient: (_node, [upstream]) => [upstream!, upstream!],
  lower({ inputs: [a, b], outputs: [out] }, lowering) {
    lowering.call('add', [out!, a!, b!], [elementCount(out!.shape)])
  }
}

/**
 * a + b, element by element.
 *
 * @param a any shape
 * @param b the same shape
 * @throws ShapeError when the shapes differ
 */
export function add(a: Value, b: Value): Value {
  return a.graph.apply(operation, [a, b], {})[0]!
}
