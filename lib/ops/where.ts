import type { Operation, Value } from '../graph/graph.js'
import { broadcastPlan, broadcastShape, sumTo } from './broadcast.js'
import { expectOperand, expectValue, numbersOf, shapesOf, type ValueOrNumber, valuesOf } from './operand.js'
import { float32, ownerIn } from './types.js'

interface Attributes {
  /** a and b where they are numbers. */
  readonly numbers: readonly number[]
}

/** inputs: condition, a, b */
const operation: Operation<Attributes> = {
  name: 'where',
  infer(inputs, _attributes, label) {
    const place = ownerIn('ops.where', label)
    const out = broadcastShape(place, shapesOf(inputs))
    broadcastPlan(place, out, shapesOf(inputs))
    return [float32(out)]
  },
  gradient({ inputs: [condition, a, b] }, [upstream], [, wantsA, wantsB]) {
    const toA = a && wantsA ? sumTo(where(condition!, upstream!, 0), a.shape) : null
    const toB = b && wantsB ? sumTo(where(condition!, 0, upstream!), b.shape) : null
    return [null, toA, toB]
  },
  lower({ inputs, outputs: [out], attributes }, lowering) {
    const { dims, masks } = broadcastPlan('ops.where', out!.shape, shapesOf(inputs))
    lowering.call('elementwiseWhere', [out!, ...inputs], dims, [...masks, ...(attributes as Attributes).numbers])
  }
}

/**
 * a where the condition holds, else b, element by element. A condition holds where it is not 0; NaN holds. What is not
 * chosen does not matter, be it NaN, and gets a gradient of 0; the condition gets none. All three broadcast.
 *
 * @param condition such as a comparison gives
 * @param a a value or a number
 * @param b a value or a number
 * @throws as `add`
 */
export function where(condition: Value, a: ValueOrNumber, b: ValueOrNumber): Value {
  expectValue('ops.where', condition)
  for (const operand of [a, b]) expectOperand('ops.where', operand)
  return condition.graph.apply(operation, [condition, ...valuesOf([a, b])], { numbers: numbersOf([a, b]) })[0]!
}
