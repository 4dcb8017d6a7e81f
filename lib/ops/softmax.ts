import type { Operation, Value } from '../graph/graph.js'
import { axisOf } from './axis.js'
import { transpose } from './transpose.js'
import { asMatrix, expectFloat32, float32 } from './types.js'

interface Attributes {
  readonly log: boolean
}

const operation: Operation<Attributes> = {
  name: 'softmax',
  infer: ([x]) => [float32(x!.shape)],
  gradient: ({ outputs: [y], attributes }, [upstream]) => [upstream!.graph.apply(backward, [upstream!, y!], attributes as Attributes)[0]!],
  lower({ inputs: [x], outputs: [y], attributes }, lowering) {
    const { rows, columns } = asMatrix(x!.shape)
    lowering.call('softmaxForward', [y!, x!], [rows, columns], [attributes.log ? 1 : 0])
  }
}

/** inputs: dy, y */
const backward: Operation<Attributes> = {
  name: 'softmaxBackward',
  infer: ([dy]) => [float32(dy!.shape)],
  lower({ inputs: [dy, y], outputs: [dx], attributes }, lowering) {
    const { rows, columns } = asMatrix(dy!.shape)
    lowering.call('softmaxBackward', [dx!, dy!, y!], [rows, columns], [attributes.log ? 1 : 0])
  }
}

function along(owner: string, x: Value, axis: number, log: boolean): Value {
  expectFloat32(owner, x)
  const position = axisOf(owner, x.shape, axis)
  const last = x.shape.length - 1
  if (position === last) return x.graph.apply(operation, [x], { log })[0]!
  const swapped = x.shape.map((_, at) => (at === position ? last : at === last ? position : at))
  return transpose(x.graph.apply(operation, [transpose(x, swapped)], { log })[0]!, swapped)
}

/**
 * exp(x) / Σ exp(x) along a dimension, shifted by the largest element, so that nothing overflows. −∞ gives 0, a row of
 * nothing but −∞ gives NaN.
 *
 * @param axis negative ones count from the end; default −1
 * @returns x's shape
 * @throws ShapeError for an axis that x does not have
 */
export function softmax(x: Value, axis = -1): Value {
  return along('ops.softmax', x, axis, false)
}

/**
 * log softmax(x) = x − log Σ exp(x) along a dimension, with its digits where the probability is near 0 or 1.
 *
 * @param axis negative ones count from the end; default −1
 * @returns x's shape
 * @throws ShapeError for an axis that x does not have
 */
export function logSoftmax(x: Value, axis = -1): Value {
  return along('ops.logSoftmax', x, axis, true)
}
