import type { Operation, Value } from '../graph/graph.js'
import { Unary, type UnaryName } from '../kernels/types.js'
import { elementCount } from '../shape.js'
import { expectValue } from './operand.js'
import { float32 } from './types.js'

/** The gradient of x. */
export type UnaryRule = (node: { readonly x: Value; readonly out: Value; readonly upstream: Value }) => Value

/**
 * Makes an element-wise operation of one operand.
 *
 * @param rule null: the operation is a step function, no gradient flows
 */
export function unaryOperation(name: UnaryName, rule: UnaryRule | null): (x: Value) => Value {
  const operation: Operation = {
    name,
    infer: ([x]) => [float32(x!.shape)],
    gradient: ({ inputs: [x], outputs: [out] }, [upstream]) => [rule ? rule({ x: x!, out: out!, upstream: upstream! }) : null],
    lower({ inputs: [x], outputs: [out] }, lowering) {
      lowering.call('elementwiseUnary', [out!, x!], [elementCount(x!.shape)], [Unary[name]])
    }
  }
  return (x) => {
    expectValue(`ops.${name}`, x)
    return x.graph.apply(operation, [x], {})[0]!
  }
}
