import type { Operation, Value } from '../graph/graph.js'
import { elementCount, type Shape } from '../shape.js'
import { float32 } from './types.js'

const operation: Operation = {
  name: 'mean',
  infer: () => [float32([1])],
  gradient: ({ inputs: [x] }, [upstream]) => [upstream!.graph.apply(backward, [upstream!], { shape: x!.shape })[0]!],
  lower({ inputs: [x], outputs: [out] }, lowering) {
    lowering.call('mean', [out!, x!], [elementCount(x!.shape)])
  }
}

const backward: Operation<{ readonly shape: Shape }> = {
  name: 'meanBackward',
  infer: (_inputs, { shape }) => [float32(shape)],
  lower({ inputs: [upstream], outputs: [dx] }, lowering) {
    lowering.call('meanBackward', [dx!, upstream!], [elementCount(dx!.shape)])
  }
}

/**
 * The mean of all elements, summed in float64.
 *
 * @param x any shape
 * @returns [1]
 */
export function mean(x: Value): Value {
  return x.graph.apply(operation, [x], {})[0]!
}
