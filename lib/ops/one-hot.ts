import { outOfRange } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { elementCount } from '../shape.js'
import { expectDType, float32 } from './types.js'

const operation: Operation<{ readonly classes: number }> = {
  name: 'oneHot',
  infer: ([indices], { classes }) => [float32([...indices!.shape, classes])],
  lower({ inputs: [indices], outputs: [out], attributes }, lowering) {
    lowering.call('oneHot', [out!, indices!], [elementCount(indices!.shape), attributes.classes])
  }
}

/**
 * 1 in the place of each class number and 0 elsewhere, along a new last dimension.
 *
 * @param indices int32, any shape, each 0 … classes − 1; another number stops the step with an error
 * @param classes at least 1
 * @returns [...indices' shape, classes]; no gradient flows
 * @throws TypeError for indices that are not int32; RangeError for another number of classes
 */
export function oneHot(indices: Value, classes: number): Value {
  expectDType('ops.oneHot', indices, 'int32', 'indices')
  if (!Number.isSafeInteger(classes) || classes < 1) throw outOfRange('ops.oneHot', 'a number of classes of at least 1', classes)
  return indices.graph.apply(operation, [indices], { classes })[0]!
}
