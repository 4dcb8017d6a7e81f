import type { Operation, Value } from '../graph/graph.js'
import { asMatrix, float32 } from './types.js'

const operation: Operation = {
  name: 'sumRows',
  infer: ([x]) => [float32([asMatrix(x!.shape).columns])],
  lower({ inputs: [x], outputs: [out] }, lowering) {
    const { rows, columns } = asMatrix(x!.shape)
    lowering.call('sumRows', [out!, x!], [rows, columns])
  }
}

/** Sums over all but the last dimension: [..., columns] → [columns]. The gradient of a bias. */
export function sumRows(x: Value): Value {
  return x.graph.apply(operation, [x], {})[0]!
}
