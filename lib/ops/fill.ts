import type { Graph, Operation, Value } from '../graph/graph.js'
import type { Scalar } from '../graph/lowering.js'
import { elementCount, type Shape } from '../shape.js'
import { float32 } from './types.js'

interface Attributes {
  readonly shape: Shape
  readonly value: Scalar
}

const operation: Operation<Attributes> = {
  name: 'fill',
  infer: (_inputs, { shape }) => [float32(shape)],
  lower({ outputs: [out], attributes }, lowering) {
    lowering.call('fill', [out!], [elementCount(out!.shape)], [attributes.value])
  }
}

/** One number everywhere, known now or given at run time by a slot. */
export function fill(graph: Graph, shape: Shape, value: Scalar): Value {
  return graph.apply(operation, [], { shape, value })[0]!
}
