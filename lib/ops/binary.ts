import { wrongKind } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { Binary, type BinaryName } from '../kernels/types.js'
import { elementCount, sameShape } from '../shape.js'
import { broadcastPlan, broadcastShape, sumTo } from './broadcast.js'
import { expectOperand, isNumber, numbersOf, shapesOf, type ValueOrNumber, valuesOf } from './operand.js'
import { float32, ownerIn } from './types.js'

interface Attributes {
  /** The operands that are numbers; 0 for the others. */
  readonly numbers: readonly number[]
}

/** What a gradient rule sees. */
export interface BinaryGradient {
  readonly a: ValueOrNumber
  readonly b: ValueOrNumber
  readonly out: Value
  readonly upstream: Value
}

/** The gradient of one operand, of the result's shape: summed over repeated dimensions afterwards. */
export type BinaryRule = (node: BinaryGradient) => Value

/**
 * Makes an element-wise operation of two operands.
 *
 * @param rules the gradient rule of a and that of b; null: a step function, no gradient flows; undefined: it is part of
 *   a gradient and has none itself
 */
export function binaryOperation(
  name: BinaryName,
  rules?: readonly [BinaryRule, BinaryRule] | null
): (a: ValueOrNumber, b: ValueOrNumber) => Value {
  const owner = `ops.${name}`
  const operation: Operation<Attributes> = {
    name,
    infer(inputs, _attributes, label) {
      const place = ownerIn(owner, label)
      const out = broadcastShape(place, shapesOf(inputs))
      broadcastPlan(place, out, shapesOf(inputs))
      return [float32(out)]
    },
    lower({ inputs: [a, b], outputs: [out], attributes }, lowering) {
      // Without masks and rows the quicker kernel, with the same bits.
      if (name === 'add' && a && b && sameShape(a.shape, b.shape)) return lowering.call('add', [out!, a, b], [elementCount(out!.shape)])
      const { dims, masks } = broadcastPlan(owner, out!.shape, shapesOf([a!, b!]))
      lowering.call('elementwiseBinary', [out!, a!, b!], dims, [Binary[name], ...masks, ...(attributes as Attributes).numbers])
    }
  }
  if (rules !== undefined)
    operation.gradient = ({ inputs, outputs: [out], attributes }, [upstream], wanted) => {
      const [a, b] = inputs.map((input, index) => input ?? (attributes as Attributes).numbers[index]!)
      const node: BinaryGradient = { a: a!, b: b!, out: out!, upstream: upstream! }
      return inputs.map((input, index) => (rules && input && wanted[index] ? sumTo(rules[index]!(node), input.shape) : null))
    }
  return (a, b) => {
    for (const operand of [a, b]) expectOperand(owner, operand)
    const first = isNumber(a) ? b : a
    if (isNumber(first)) throw wrongKind(owner, 'at least one value among its operands', first)
    return first.graph.apply(operation, valuesOf([a, b]), { numbers: numbersOf([a, b]) })[0]!
  }
}
