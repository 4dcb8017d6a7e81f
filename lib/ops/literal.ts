import type { Graph, Operation, Value } from '../graph/graph.js'
import { literalNumbers } from '../kernels/table.js'
import { float32 } from './types.js'

const operation: Operation<{ readonly values: readonly number[] }> = {
  name: 'literal',
  infer: (_inputs, { values }) => [float32([values.length])],
  lower({ outputs: [out], attributes }, lowering) {
    const { values } = attributes as { values: readonly number[] }
    for (let start = 0; start < values.length; start += literalNumbers) {
      const part = values.slice(start, start + literalNumbers)
      const scalars = [...part, ...new Array<number>(literalNumbers - part.length).fill(0)]
      lowering.call('literal', [out!], [values.length, start, part.length], scalars)
    }
  }
}

/** A few numbers that are known when the model is traced, [values.length]. They are written anew in each step. */
export function literal(graph: Graph, values: readonly number[]): Value {
  return graph.apply(operation, [], { values })[0]!
}
