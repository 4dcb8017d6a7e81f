import { expectation, withCode } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { storageOf } from '../graph/lower.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import { checkFinite } from './check-finite.js'
import { copy } from './copy.js'
import { activationScalars, expectFloat32, expectShape, noActivation } from './types.js'

/** inputs: buffer, value */
const operation: Operation = {
  name: 'assign',
  commits: true,
  infer: () => [],
  lower({ inputs: [buffer, value] }, lowering) {
    lowering.call(
      'activationForward',
      [buffer!, value!],
      [staticElementCount(buffer!.shape as StaticShape)],
      activationScalars(noActivation)
    )
  }
}

/**
 * Lets a buffer hold a value's numbers once the step is committed, that is, after everything that the step computes:
 * within the step the buffer reads as it was before. A value with NaN or infinity stops the step, and nothing is written.
 *
 * @param buffer what `context.buffer` gave, float32
 * @param value the buffer's shape; no gradient flows
 * @throws TypeError for something else than a buffer; ShapeError for another shape
 */
export function assign(buffer: Value, value: Value): void {
  const { label } = buffer.graph
  if (buffer.source.kind !== 'buffer')
    throw withCode(
      new TypeError(expectation('ops.assign', 'a buffer, as context.buffer gives', `a value of another kind in layer '${label}'`)),
      'EVENKEEL_TYPE'
    )
  for (const operand of [buffer, value]) expectFloat32('ops.assign', operand)
  expectShape('ops.assign', label, 'a value', value, buffer.shape)
  checkFinite(value)
  // What another assignment may write meanwhile is copied before: two buffers can change places.
  const own = storageOf(value).source.kind === 'node' ? value : copy(value)
  buffer.graph.apply(operation, [buffer, own], {})
}
