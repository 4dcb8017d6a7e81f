import { withCode } from '../errors.js'
import { formatShape, sameShape } from '../shape.js'
import type { Graph, Node, Value } from './graph.js'

/** The two operations that differentiation itself needs. */
export interface GradientOperations {
  /** d loss / d loss */
  one(graph: Graph): Value
  sum(a: Value, b: Value): Value
}

/**
 * Reverse-mode differentiation: adds to the graph what computes d`loss`/d`value` for each of `values`, and returns
 * those gradients. A value that the loss does not depend on has none.
 *
 * Nodes are visited from the last to the first; a gradient that arrives on several ways is summed in that order.
 */
export function differentiate(graph: Graph, loss: Value, values: readonly Value[], operations: GradientOperations): Map<Value, Value> {
  if (!sameShape(loss.shape, [1]))
    throw withCode(
      new TypeError(`differentiate: expected a loss of shape [1], got ${formatShape(loss.shape)}. Take its mean first`),
      'EVENKEEL_TYPE'
    )
  const wanted = dependents(graph, values)
  const gradients = new Map<Value, Value>()
  const nodes = [...graph.nodes]
  if (wanted.has(loss)) gradients.set(loss, operations.one(graph))
  for (const node of nodes.reverse()) {
    const upstream = node.outputs.map((output) => gradients.get(output) ?? null)
    if (upstream.every((gradient) => gradient === null)) continue
    const flags = node.inputs.map((input) => input !== null && wanted.has(input))
    if (!flags.includes(true)) continue
    graph.labelled(node.label, () => distribute(node, upstream, flags, gradients, operations))
  }
  const result = new Map<Value, Value>()
  for (const value of values) {
    const gradient = gradients.get(value)
    if (gradient) result.set(value, gradient)
  }
  return result
}

function distribute(
  node: Node,
  upstream: readonly (Value | null)[],
  flags: readonly boolean[],
  gradients: Map<Value, Value>,
  operations: GradientOperations
): void {
  const { operation } = node
  if (!operation.gradient)
    throw withCode(
      new TypeError(`differentiate: expected an operation with a gradient, got '${operation.name}' in ${node.label}`),
      'EVENKEEL_TYPE'
    )
  for (const [index, gradient] of operation.gradient(node, upstream, flags).entries()) {
    const input = node.inputs[index]
    if (!gradient || !input || !flags[index]) continue
    const before = gradients.get(input)
    gradients.set(input, before ? operations.sum(before, gradient) : gradient)
  }
}

/** Everything that depends on one of `values`, and these themselves. */
function dependents(graph: Graph, values: readonly Value[]): Set<Value> {
  const reached = new Set<Value>(values)
  for (const node of graph.nodes)
    if (node.inputs.some((input) => input !== null && reached.has(input))) for (const output of node.outputs) reached.add(output)
  return reached
}
