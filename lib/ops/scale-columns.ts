import type { Operation, Value } from '../graph/graph.js'
import { asMatrix, expectShape, float32 } from './types.js'

const operation: Operation = {
  name: 'scaleColumns',
  infer([x, scale], _attributes, label) {
    expectShape('ops.scaleColumns', label, 'a scale', scale!, [x!.shape.at(-1) ?? 1])
    return [float32(x!.shape)]
  },
  gradient({ inputs: [, scale] }, [upstream], [, scaleWanted]) {
    if (scaleWanted) throw new Error('ops.scaleColumns: no gradient of the scale')
    return [scaleColumns(upstream!, scale!), null]
  },
  lower({ inputs: [x, scale], outputs: [out] }, lowering) {
    const { rows, columns } = asMatrix(x!.shape)
    lowering.call('scaleColumns', [out!, x!, scale!], [rows, columns])
  }
}

/** x · scale, the scale along the last dimension; it has no gradient. */
export function scaleColumns(x: Value, scale: Value): Value {
  return x.graph.apply(operation, [x, scale], {})[0]!
}
