import type { Operation, Value } from '../graph/graph.js'
import { ElementLoss, type ElementLossName } from '../kernels/types.js'
import { numberOption } from '../options.js'
import { formatShape, sameShape } from '../shape.js'
import { expectFloat32, float32, rowsAndColumns, wholeShape } from './types.js'

interface Attributes {
  /** What an error names. */
  readonly owner: string
  readonly loss: ElementLossName
  readonly parameter: number
}

/** inputs: prediction, target */
const operation: Operation<Attributes> = {
  name: 'elementLoss',
  infer([prediction, target], { owner }, label) {
    if (!sameShape(prediction!.shape, target!.shape))
      throw wholeShape(owner, label, `a target of the prediction's shape ${formatShape(prediction!.shape)}`, target!.shape)
    return [float32([prediction!.shape[0] ?? 1])]
  },
  gradient({ inputs: [prediction, target], attributes }, [upstream], [wantsPrediction]) {
    return [wantsPrediction ? upstream!.graph.apply(backward, [upstream!, prediction!, target!], attributes)[0]! : null, null]
  },
  lower({ inputs: [prediction, target], outputs: [rowLoss], attributes }, lowering) {
    const { loss, parameter } = attributes as Attributes
    const dims = rowsAndColumns(prediction!.shape)
    lowering.call('elementLossForward', [rowLoss!, prediction!, target!], dims, [ElementLoss[loss], parameter])
  }
}

const backward: Operation<Attributes> = {
  name: 'elementLossBackward',
  infer: ([, prediction]) => [float32(prediction!.shape)],
  lower({ inputs, outputs: [out], attributes }, lowering) {
    const { loss, parameter } = attributes as Attributes
    lowering.call('elementLossBackward', [out!, ...inputs], rowsAndColumns(out!.shape), [ElementLoss[loss], parameter])
  }
}

function apply(owner: string, loss: ElementLossName, parameter: number, prediction: Value, target: Value): Value {
  for (const value of [prediction, target]) expectFloat32(owner, value)
  return prediction.graph.apply(operation, [prediction, target], { owner, loss, parameter })[0]!
}

/**
 * The mean over a row's elements of |prediction − target|, one value a row. The gradient is 0 where both are equal. None
 * flows to the target.
 *
 * @param prediction [batch, ...]
 * @param target the same shape
 * @returns [batch]
 * @throws ShapeError when the shapes differ; TypeError for values that are not float32
 */
export function absoluteError(prediction: Value, target: Value): Value {
  return apply('ops.absoluteError', 'absolute', 0, prediction, target)
}

/**
 * The mean over a row's elements of d²/2 where |d| ≤ delta, and delta · (|d| − delta/2) beyond, with d = prediction − target;
 * one value a row. (Huber 1964, "Robust estimation of a location parameter".) No gradient flows to the target.
 *
 * @param prediction [batch, ...]
 * @param target the same shape
 * @param delta above 0; default 1
 * @returns [batch]
 * @throws ShapeError when the shapes differ; TypeError for values that are not float32; RangeError for delta
 */
export function huberError(prediction: Value, target: Value, delta = 1): Value {
  return apply('ops.huberError', 'huber', deltaOption('ops.huberError', delta), prediction, target)
}

/**
 * The mean over a row's elements of −w · t · log σ(z) − (1 − t) · log(1 − σ(z)), one value a row, for a logit z and a target t in
 * 0 … 1: w · t · softplus(−z) + (1 − t) · softplus(z), with softplus(z) = log(1 + e⁻|ᶻ|) + max(z, 0), which no logit
 * overflows. No gradient flows to the target.
 *
 * @param logits [batch, ...]
 * @param target the same shape
 * @param positiveWeight w, at least 0; default 1
 * @returns [batch]
 * @throws ShapeError when the shapes differ; TypeError for values that are not float32; RangeError for the weight
 */
export function binaryCrossEntropy(logits: Value, target: Value, positiveWeight = 1): Value {
  const weight = positiveWeightOption('ops.binaryCrossEntropy', positiveWeight)
  return apply('ops.binaryCrossEntropy', 'binaryCrossEntropy', weight, logits, target)
}

/** What float32 holds. */
const float32Range = { atMost: 3.4028234663852886e38 }

/** Huber's delta: a number above 0 that float32 holds; 1 unless given. */
export function deltaOption(owner: string, value: unknown): number {
  return numberOption(owner, 'delta', value, 1, { atLeast: 2 ** -126, ...float32Range })
}

/** A weight of at least 0 that float32 holds; 1 unless given. */
export function positiveWeightOption(owner: string, value: unknown): number {
  return numberOption(owner, 'positiveWeight', value, 1, { atLeast: 0, ...float32Range })
}
