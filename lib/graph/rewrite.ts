import { Graph, type Node, type Value } from './graph.js'

/** What a rule sees of a graph that is being copied into another, node by node. */
export interface Rewriter {
  /** The new graph. */
  readonly graph: Graph
  /** What stands for an old value in the new graph; undefined where its node has not been copied yet. */
  find(old: Value): Value | undefined
  /** The only node that reads an old value, if there is exactly one and the value is not kept for others. */
  soleUser(old: Value): Node | null
  /** Lets `by` stand for an old value; whoever read that reads this. */
  replace(old: Value, by: Value): void
  /** A node behind this one that the rule has taken along: it is not copied. */
  skip(old: Node): void
}

/** True where the rule has replaced the node's outputs itself. */
export type Rule = (node: Node, rewriter: Rewriter) => boolean

export interface Rewritten {
  readonly graph: Graph
  find(old: Value): Value
}

/**
 * Copies a graph. Each node goes through `rule` first, in order, so a rule sees the inputs of a chain at its first
 * node and may take the nodes behind it along.
 *
 * @param kept values that are read from outside: outputs, reports
 */
export function rewrite(old: Graph, kept: Iterable<Value>, rule: Rule): Rewritten {
  const graph = new Graph()
  const map = new Map<Value, Value>()
  for (const [name, value] of old.inputs) map.set(value, graph.input(name, value.shape, value.dtype))
  for (const [name, value] of old.parameters) map.set(value, graph.parameter(name, value.shape as number[]))
  for (const [name, value] of old.buffers) map.set(value, graph.buffer(name, value.shape as number[], value.dtype))
  const skipped = new Set<Node>()
  const users = countUsers(old, new Set(kept))
  const rewriter: Rewriter = {
    graph,
    find: (value) => map.get(value),
    soleUser: (value) => users.get(value) ?? null,
    replace: (value, by) => void map.set(value, by),
    skip: (node) => void skipped.add(node)
  }
  for (const node of old.nodes) {
    if (skipped.has(node)) continue
    graph.labelled(node.label, () => {
      if (!rule(node, rewriter)) copyNode(node, graph, map)
    })
  }
  return { graph, find: (value) => map.get(value)! }
}

function copyNode(node: Node, graph: Graph, map: Map<Value, Value>): void {
  const inputs = node.inputs.map((input) => (input ? map.get(input)! : null))
  const outputs = graph.apply(node.operation, inputs, node.attributes)
  for (const [index, output] of node.outputs.entries()) if (!map.has(output)) map.set(output, outputs[index]!)
}

function countUsers(graph: Graph, kept: ReadonlySet<Value>): Map<Value, Node | null> {
  const users = new Map<Value, Node | null>()
  for (const value of kept) users.set(value, null)
  for (const node of graph.nodes) for (const input of node.inputs) if (input) users.set(input, users.has(input) ? null : node)
  return users
}
