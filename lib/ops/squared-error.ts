import type { Operation, Value } from '../graph/graph.js'
import { formatShape, sameShape } from '../shape.js'
import { expectFloat32, float32, rowsAndColumns, wholeShape } from './types.js'

const operation: Operation = {
  name: 'squaredError',
  infer([prediction, target], _attributes, label) {
    if (!sameShape(prediction!.shape, target!.shape))
      throw wholeShape('squaredError', label, `a target of the prediction's shape ${formatShape(prediction!.shape)}`, target!.shape)
    return [float32([prediction!.shape[0] ?? 1])]
  },
  gradient({ inputs: [prediction, target] }, [upstream], [wantsPrediction]) {
    return [wantsPrediction ? upstream!.graph.apply(backward, [upstream!, prediction!, target!], {})[0]! : null, null]
  },
  lower({ inputs: [prediction, target], outputs: [rowLoss] }, lowering) {
    lowering.call('squaredErrorForward', [rowLoss!, prediction!, target!], rowsAndColumns(prediction!.shape))
  }
}

const backward: Operation = {
  name: 'squaredErrorBackward',
  infer: ([, prediction]) => [float32(prediction!.shape)],
  lower({ inputs: [upstream, prediction, target], outputs: [out] }, lowering) {
    lowering.call('squaredErrorBackward', [out!, upstream!, prediction!, target!], rowsAndColumns(prediction!.shape))
  }
}

/**
 * The mean over a row's elements of (prediction − target)², one value a row.
 *
 * @param prediction [batch, ...]
 * @param target the same shape
 * @returns [batch]
 * @throws ShapeError when the shapes differ
 */
export function squaredError(prediction: Value, target: Value): Value {
  for (const value of [prediction, target]) expectFloat32('ops.squaredError', value)
  return prediction.graph.apply(operation, [prediction, target], {})[0]!
}
