import { outOfRange, wrongKind } from '../errors.js'
import { isValue, type Operation, type Value } from '../graph/graph.js'
import { noneIgnored } from '../kernels/labels.js'
import { checkOptions, integerOption, numberOption } from '../options.js'
import { expectFloat32, expectShape, float32, wholeShape } from './types.js'

export interface CrossEntropyOptions {
  /** ε, 0 … 1: the target is (1 − ε) of what was given, and ε/classes of every class. Default 0. */
  readonly labelSmoothing?: number
  /** A class number whose rows have the loss 0 and no gradient. Default: none. */
  readonly ignoreIndex?: number
}

interface Attributes {
  readonly smoothing: number
  readonly ignored: number
}

/** inputs: logits, labels; outputs: rowLoss, logSumExp */
const operation: Operation<Attributes> = {
  name: 'softmaxCrossEntropy',
  infer([logits, labels], _attributes, label) {
    expectMatrix(logits!, label)
    const rows = logits!.shape[0]!
    expectShape('softmaxCrossEntropy', label, 'labels', labels!, [rows])
    return [float32([rows]), float32([rows])]
  },
  gradient({ inputs: [logits, labels], outputs: [, logSumExp], attributes }, [upstream]) {
    return [upstream ? upstream.graph.apply(backward, [logSumExp!, upstream, logits!, labels!], attributes)[0]! : null, null]
  },
  lower({ inputs: [logits, labels], outputs: [rowLoss, logSumExp], attributes }, lowering) {
    const { smoothing, ignored } = attributes as Attributes
    const [rows, classes] = logits!.shape
    lowering.call('checkLabels', [labels!], [rows!, classes!], [ignored])
    lowering.call('softmaxCrossEntropyForward', [rowLoss!, logSumExp!, logits!, labels!], [rows!, classes!], [smoothing, ignored])
  }
}

const backward: Operation<Attributes> = {
  name: 'softmaxCrossEntropyBackward',
  infer: ([, , logits]) => [float32(logits!.shape)],
  lower({ inputs, outputs: [dLogits], attributes }, lowering) {
    const { smoothing, ignored } = attributes as Attributes
    lowering.call('softmaxCrossEntropyBackward', [dLogits!, ...inputs], inputs[2]!.shape, [smoothing, ignored])
  }
}

/** inputs: logits, target; outputs: rowLoss, logSumExp */
const softOperation: Operation<Attributes> = {
  name: 'softLabelCrossEntropy',
  infer([logits, target], _attributes, label) {
    expectMatrix(logits!, label)
    expectShape('softmaxCrossEntropy', label, 'probabilities', target!, logits!.shape)
    const rows = logits!.shape[0]!
    return [float32([rows]), float32([rows])]
  },
  gradient({ inputs: [logits, target], outputs: [, logSumExp], attributes }, [upstream]) {
    return [upstream ? upstream.graph.apply(softBackward, [logSumExp!, upstream, logits!, target!], attributes)[0]! : null, null]
  },
  lower({ inputs: [logits, target], outputs: [rowLoss, logSumExp], attributes }, lowering) {
    const { smoothing } = attributes as Attributes
    lowering.call('softLabelCrossEntropyForward', [rowLoss!, logSumExp!, logits!, target!], logits!.shape, [smoothing])
  }
}

const softBackward: Operation<Attributes> = {
  name: 'softLabelCrossEntropyBackward',
  infer: ([, , logits]) => [float32(logits!.shape)],
  lower({ inputs, outputs: [dLogits], attributes }, lowering) {
    const { smoothing } = attributes as Attributes
    lowering.call('softLabelCrossEntropyBackward', [dLogits!, ...inputs], inputs[2]!.shape, [smoothing])
  }
}

function expectMatrix({ shape }: Value, label: string): void {
  if (shape.length === 2) return
  throw wholeShape('softmaxCrossEntropy', label, 'logits of shape [batch, classes]', shape, 'Put flatten() or linear(classes) last')
}

/**
 * −Σ_c t_c · log softmax(logits)_c, one value a row, where t is 1 for the row's class and 0 for the others, or the row of
 * probabilities. Logits are shifted by the largest, so neither huge ones nor confident predictions cost digits.
 *
 * @param logits [batch, classes]
 * @param target int32 [batch], class numbers 0 … classes − 1, another number stops the step with an error; or float32
 * [batch, classes], the probability of each class, taken as it is. No gradient flows to it
 * @returns [batch]
 * @throws ShapeError for logits of another number of dimensions, or a target that does not fit; TypeError, RangeError for options
 */
export function softmaxCrossEntropy(logits: Value, target: Value, options?: CrossEntropyOptions): Value {
  const owner = 'ops.softmaxCrossEntropy'
  const given = checkOptions(owner, options, ['labelSmoothing', 'ignoreIndex'])
  const smoothing = numberOption(owner, 'labelSmoothing', given.labelSmoothing, 0, { atLeast: 0, atMost: 1 })
  const ignored = ignoreOption(owner, given.ignoreIndex) ?? noneIgnored
  expectFloat32(owner, logits)
  if (!isValue(target)) throw wrongKind(owner, 'labels of int32 or probabilities of float32', target)
  if (target.dtype === 'int32') return logits.graph.apply(operation, [logits, target], { smoothing, ignored })[0]!
  if (target.dtype !== 'float32') throw wrongKind(owner, 'labels of int32 or probabilities of float32', target.dtype)
  if (ignored !== noneIgnored)
    throw outOfRange(owner, 'ignoreIndex with class numbers alone', given.ignoreIndex, 'Give such rows a weight of 0')
  return logits.graph.apply(softOperation, [logits, target], { smoothing, ignored })[0]!
}

/** The option `ignoreIndex`: an int32, or undefined. */
export function ignoreOption(owner: string, value: unknown): number | undefined {
  if (value === undefined) return undefined
  return integerOption(owner, 'ignoreIndex', value, 0, { atLeast: -(2 ** 31), atMost: 2 ** 31 - 1 })
}
