import type { Operation, Value } from '../graph/graph.js'
import { expectShape, float32, wholeShape } from './types.js'

/** inputs: logits, labels; outputs: rowLoss, logSumExp */
const operation: Operation = {
  name: 'softmaxCrossEntropy',
  infer([logits, labels], _attributes, label) {
    if (logits!.shape.length !== 2)
      throw wholeShape(
        'softmaxCrossEntropy',
        label,
        'logits of shape [batch, classes]',
        logits!.shape,
        'Put flatten() or linear(classes) last'
      )
    const rows = logits!.shape[0]!
    expectShape('softmaxCrossEntropy', label, 'labels', labels!, [rows])
    return [float32([rows]), float32([rows])]
  },
  gradient({ inputs: [logits, labels], outputs: [, logSumExp] }, [upstream]) {
    return upstream ? [upstream.graph.apply(backward, [logSumExp!, upstream, logits!, labels!], {})[0]!, null] : [null, null]
  },
  lower({ inputs: [logits, labels], outputs: [rowLoss, logSumExp] }, lowering) {
    const [rows, classes] = logits!.shape
    lowering.call('checkLabels', [labels!], [rows!, classes!])
    lowering.call('softmaxCrossEntropyForward', [rowLoss!, logSumExp!, logits!, labels!], [rows!, classes!])
  }
}

const backward: Operation = {
  name: 'softmaxCrossEntropyBackward',
  infer: ([, , logits]) => [float32(logits!.shape)],
  lower({ inputs, outputs: [dLogits] }, lowering) {
    lowering.call('softmaxCrossEntropyBackward', [dLogits!, ...inputs], inputs[2]!.shape)
  }
}

/**
 * −log softmax(logits)[label], one value a row: log Σ exp(logits) − logits[label], shifted by the largest logit.
 *
 * @param logits [batch, classes]
 * @param labels int32 [batch], each 0 … classes − 1; another number stops the step with an error
 * @returns [batch]
 * @throws ShapeError for logits of another number of dimensions, or labels that are not one a row
 */
export function softmaxCrossEntropy(logits: Value, labels: Value): Value {
  return logits.graph.apply(operation, [logits, labels], {})[0]!
}
