import type { KernelName } from '../kernels/table.js'
import type { DType } from '../kernels/types.js'
import type { Dimension, Shape } from '../shape.js'
import type { Node, Value } from './graph.js'
import type { LoweredCall, Lowering, Operand, Scalar, Temporary } from './lowering.js'

/** The kernel calls of `nodes`, in their order: those that compute, and those that wait for the commit. */
export function lowerNodes(nodes: readonly Node[]): { compute: LoweredCall[]; commit: LoweredCall[] } {
  const phases = { compute: [] as LoweredCall[], commit: [] as LoweredCall[] }
  let temporaries = 0
  for (const node of nodes) {
    if (node.operation.view) continue
    const calls = node.operation.commits ? phases.commit : phases.compute
    const lowering: Lowering = {
      call(kernel: KernelName, operands: readonly Operand[], dims: readonly Dimension[], scalars: readonly Scalar[] = []) {
        calls.push({ kernel, operands, dims, scalars, label: node.label })
      },
      temporary: (shape: Shape, dtype: DType = 'float32'): Temporary => ({ temporary: temporaries++, shape, dtype })
    }
    node.operation.lower(node, lowering)
  }
  return phases
}

/** The value whose memory `value` shares: itself, unless it is a view. */
export function storageOf(value: Value): Value {
  let storage = value
  while (storage.source.kind === 'node' && storage.source.node.operation.view) storage = storage.source.node.inputs[0]!
  return storage
}

/** Nodes that `wanted` and the graph's checks and commits need, in order; the search ends at values that are `given`. */
export function neededNodes(nodes: readonly Node[], wanted: Iterable<Value>, given: ReadonlySet<Value>, effects: boolean): Node[] {
  const needed = new Set<Node>()
  const pending: Value[] = [...wanted]
  const take = (node: Node): void => {
    if (needed.has(node)) return
    needed.add(node)
    for (const input of node.inputs) if (input) pending.push(input)
  }
  if (effects) for (const node of nodes) if (node.operation.commits || node.operation.checks) take(node)
  for (let value = pending.pop(); value; value = pending.pop())
    if (!given.has(value) && value.source.kind === 'node') take(value.source.node)
  return nodes.filter((node) => needed.has(node))
}
