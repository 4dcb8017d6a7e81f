import type { Operation, Value } from '../graph/graph.js'
import { sumRows } from './sum-rows.js'
import { asMatrix, expectShape, float32 } from './types.js'

export const addBiasOperation: Operation = {
  name: 'addBias',
  infer([x, bias], _attributes, label) {
    expectShape('ops.addBias', label, 'a bias', bias!, [x!.shape.at(-1) ?? 1])
    return [float32(x!.shape)]
  },
  gradient: (_node, [upstream], [, wantsBias]) => [upstream!, wantsBias ? sumRows(upstream!) : null],
  lower({ inputs: [x, bias], outputs: [out] }, lowering) {
    const { rows, columns } = asMatrix(x!.shape)
    lowering.call('addBias', [out!, x!, bias!], [rows, columns])
  }
}

/**
 * x + bias, the bias along the last dimension.
 *
 * @param x [..., columns]
 * @param bias [columns]
 * @throws ShapeError when the bias does not have one element a column
 */
export function addBias(x: Value, bias: Value): Value {
  return x.graph.apply(addBiasOperation, [x, bias], {})[0]!
}
