import type { Operation, Value } from '../graph/graph.js'
import { expectFloat32, expectShape, float32, wholeShape } from './types.js'

/** inputs: values, weight, factor; outputs: mean, total */
const operation: Operation = {
  name: 'weightedMean',
  infer([values, weight, factor], _attributes, label) {
    if (values!.shape.length !== 1) throw wholeShape('weightedMean', label, 'values of shape [rows]', values!.shape)
    expectShape('weightedMean', label, 'a weight', weight!, values!.shape)
    expectShape('weightedMean', label, 'a factor', factor ?? null, values!.shape)
    return [float32([1]), float32([1])]
  },
  gradient({ inputs: [, weight, factor], outputs: [, total] }, [upstream]) {
    return [upstream ? upstream.graph.apply(backward, [upstream, total!, weight!, factor!], {})[0]! : null, null, null]
  },
  lower({ inputs: [values, weight, factor], outputs: [mean, total] }, lowering) {
    lowering.call('weightedMeanForward', [mean!, total!, values!, weight!, factor!], [values!.shape[0]!])
  }
}

/** inputs: dMean, total, weight, factor */
const backward: Operation = {
  name: 'weightedMeanBackward',
  infer: ([, , weight]) => [float32(weight!.shape)],
  lower({ inputs, outputs: [dValues] }, lowering) {
    lowering.call('weightedMeanBackward', [dValues!, ...inputs], [dValues!.shape[0]!])
  }
}

/**
 * Σ wᵣ · values[r] / Σ wᵣ, with wᵣ = weight[r] · factor[r], summed in float64. A row of weight 0 adds nothing, whatever its
 * value; where all weights are 0 the mean is 0 and so are its gradients. Weights are numbers, not variables: no gradient
 * flows to them.
 *
 * @param values [rows]
 * @param weight [rows], none negative
 * @param factor [rows], a second weight
 * @returns `mean` and `total`, Σ wᵣ, both [1]
 * @throws TypeError for values that are not float32; ShapeError for shapes that differ
 */
export function weightedMean(values: Value, weight: Value, factor: Value | null = null): { mean: Value; total: Value } {
  for (const value of [values, weight, factor]) if (value) expectFloat32('ops.weightedMean', value)
  const [mean, total] = values.graph.apply(operation, [values, weight, factor], {})
  return { mean: mean!, total: total! }
}
