import type { Graph, Node, Value } from '../graph/graph.js'
import { type Rewriter, rewrite } from '../graph/rewrite.js'
import { isStatic } from '../shape.js'
import { type BatchNormAttributes, batchNormFold, batchNormInferenceOperation } from './batch-norm.js'
import { copy } from './copy.js'
import { type MatmulAttributes, matmulOperation, packWeights } from './matmul.js'
import { reshape } from './reshape.js'

/**
 * Readies an inference graph for being cut in two: matmuls get packed weights, batch normalization before a matmul
 * becomes a scale of its left operand and a part of its bias, and every other fixed value that the rest reads gets
 * a copy of its own.
 */
export function separateConstants(graph: Graph, outputs: readonly Value[]): { graph: Graph; outputs: Value[] } {
  const fixed = fixedValues(graph)
  const copies = new Map<Value, Value>()
  const before = new Map<Node, Node>()
  const rewritten = rewrite(graph, outputs, (node, rewriter) => {
    if (node.outputs.length === 0 || fixed.has(node.outputs[0]!)) return false
    if (batchNormWaits(node, fixed, rewriter, before)) return true
    const outputs = packable(node, fixed)
      ? packedMatmul(node, before.get(node), fixed, rewriter, copies)
      : rewriter.graph.apply(node.operation, withConstants(node, fixed, rewriter, copies), node.attributes)
    for (const [index, old] of node.outputs.entries()) rewriter.replace(old, outputs[index]!)
    return true
  })
  return { graph: rewritten.graph, outputs: outputs.map(rewritten.find) }
}

/** Values that depend on parameters and buffers alone. */
export function fixedValues(graph: Graph): Set<Value> {
  const fixed = new Set<Value>([...graph.parameters.values(), ...graph.buffers.values()])
  for (const { inputs, outputs } of graph.nodes) {
    // What has the batch among its sizes depends on it, even where it is one number everywhere.
    const known = inputs.every((input) => input === null || fixed.has(input)) && outputs.every(({ shape }) => isStatic(shape))
    if (known) for (const output of outputs) fixed.add(output)
  }
  return fixed
}

function packable(node: Node, fixed: ReadonlySet<Value>): boolean {
  if (node.operation !== matmulOperation || !fixed.has(node.inputs[1]!)) return false
  return (node.attributes as MatmulAttributes).layoutB !== 'packed'
}

/** A batch normalization whose only reader is a matmul over its channels is left to that matmul. */
function batchNormWaits(node: Node, fixed: ReadonlySet<Value>, rewriter: Rewriter, before: Map<Node, Node>): boolean {
  if (node.operation !== batchNormInferenceOperation) return false
  const [y] = node.outputs
  const { axis, activation } = node.attributes as BatchNormAttributes
  const user = rewriter.soleUser(y!)
  if (!user || !packable(user, fixed) || user.inputs[0] !== y || activation !== 'identity' || axis !== y!.shape.length - 1) return false
  const { transposeA } = user.attributes as MatmulAttributes
  const [, , bias, scale, aScale] = user.inputs
  if (transposeA || aScale || (bias && !fixed.has(bias)) || (scale && !fixed.has(scale))) return false
  before.set(user, node)
  rewriter.replace(y!, rewriter.find(node.inputs[0]!)!)
  return true
}

function packedMatmul(
  node: Node,
  batchNorm: Node | undefined,
  fixed: ReadonlySet<Value>,
  rewriter: Rewriter,
  copies: Map<Value, Value>
): readonly Value[] {
  const attributes = node.attributes as MatmulAttributes
  const inputs = withConstants(node, fixed, rewriter, copies, 1)
  const b = rewriter.find(node.inputs[1]!)!
  if (batchNorm) {
    // ((x − mean)·s + beta)·B = (x·s)·B + t·B, with s and t = beta − mean·s from the fold of nothing
    const [mean, variance, gamma, beta] = batchNorm.inputs.slice(1).map((value) => (value ? rewriter.find(value)! : null))
    const { epsilon } = batchNorm.attributes as BatchNormAttributes
    const shift = batchNormFold({ mean: mean!, variance: variance!, gamma: gamma!, beta: beta!, epsilon }, { scale: null, bias: null })
    const row = reshape(shift.bias, [1, shift.bias.shape[0]!])
    const plain = { ...attributes, activation: 'identity' as const, slope: 0 }
    const bias = rewriter.graph.apply(matmulOperation, [row, b, inputs[2] ?? null, inputs[3] ?? null, null], plain)[0]!
    inputs[2] = copy(reshape(bias, [bias.shape[1]!]))
    inputs[4] = shift.scale
  }
  inputs[1] = packWeights(b, attributes.layoutB as 'kn' | 'nk')
  return rewriter.graph.apply(matmulOperation, inputs, { ...attributes, layoutB: 'packed', n: node.outputs[0]!.shape[1] as number })
}

/** A node's inputs in the new graph; fixed ones, but for input `except`, in memory of their own. */
function withConstants(
  node: Node,
  fixed: ReadonlySet<Value>,
  rewriter: Rewriter,
  copies: Map<Value, Value>,
  except = -1
): (Value | null)[] {
  return node.inputs.map((input, index) => {
    if (!input) return null
    return fixed.has(input) && index !== except ? constantOf(input, rewriter, copies) : rewriter.find(input)!
  })
}

function constantOf(old: Value, rewriter: Rewriter, copies: Map<Value, Value>): Value {
  const known = copies.get(old)
  if (known) return known
  const value = rewriter.find(old)!
  const own = value.source.kind === 'node' && !value.source.node.operation.view ? value : copy(value)
  copies.set(old, own)
  return own
}
