import type { Operation, Value } from '../graph/graph.js'
import { Unary, type UnaryName } from '../kernels/types.js'
import { elementCount } from '../shape.js'
import { expectValue } from './operand.js'
import { float32 } from './types.js'

interface Attributes {
  readonly parameter: number
}

/** What a gradient rule sees. */
export interface UnaryGradient extends Attributes {
  readonly x: Value
  readonly out: Value
  readonly upstream: Value
}

/** The gradient of x. */
export type UnaryRule = (node: UnaryGradient) => Value

/**
 * Makes an element-wise operation of one operand.
 *
 * @param rule null: a step function, no gradient flows; undefined: it is part of a gradient and has none itself
 */
export function unaryOperation(name: UnaryName, rule?: UnaryRule | null): (x: Value) => Value {
  const apply = parametricOperation(name, rule)
  return (x) => apply(x, 0)
}

/** One with a number of its own. */
export function parametricOperation(name: UnaryName, rule?: UnaryRule | null): (x: Value, parameter: number) => Value {
  const operation: Operation<Attributes> = {
    name,
    infer: ([x]) => [float32(x!.shape)],
    lower({ inputs: [x], outputs: [out], attributes }, lowering) {
      lowering.call('elementwiseUnary', [out!, x!], [elementCount(x!.shape)], [Unary[name], (attributes as Attributes).parameter])
    }
  }
  if (rule !== undefined)
    operation.gradient = ({ inputs: [x], outputs: [out], attributes }, [upstream]) => [
      rule === null ? null : rule({ x: x!, out: out!, upstream: upstream!, ...(attributes as Attributes) })
    ]
  return (x, parameter) => {
    expectValue(`ops.${name}`, x)
    return x.graph.apply(operation, [x], { parameter })[0]!
  }
}
