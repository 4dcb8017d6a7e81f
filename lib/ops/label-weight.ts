import type { Operation, Value } from '../graph/graph.js'
import { noneIgnored } from '../kernels/labels.js'
import type { Dimension } from '../shape.js'
import { expectDType, expectShape, float32 } from './types.js'

interface Attributes {
  readonly classes: Dimension
  readonly ignored: number
}

/** inputs: labels, classWeight */
const operation: Operation<Attributes> = {
  name: 'labelWeight',
  infer([labels, classWeight], { classes }, label) {
    expectShape('labelWeight', label, 'class weights', classWeight ?? null, [classes])
    return [float32(labels!.shape)]
  },
  lower({ inputs: [labels, classWeight], outputs: [weight], attributes }, lowering) {
    const { classes, ignored } = attributes as Attributes
    lowering.call('labelWeight', [weight!, labels!, classWeight!], [labels!.shape[0]!, classes], [ignored])
  }
}

/**
 * What each row weighs by its class: classWeight[label], 1 without class weights, and 0 for a row of class `ignored`.
 *
 * @param labels int32 [batch]
 * @param classWeight [classes], or null
 */
export function labelWeight(labels: Value, classes: Dimension, classWeight: Value | null, ignored = noneIgnored): Value {
  expectDType('labelWeight', labels, 'int32', 'labels')
  return labels.graph.apply(operation, [labels, classWeight], { classes, ignored })[0]!
}
