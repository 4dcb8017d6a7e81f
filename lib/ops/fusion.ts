import type { Graph, Node, Value } from '../graph/graph.js'
import { type Rewriter, type Rewritten, rewrite } from '../graph/rewrite.js'
import { activationOperation } from './activation.js'
import { addBiasOperation } from './add-bias.js'
import { type BatchNormAttributes, batchNormFold, batchNormInferenceOperation, batchNormOperation } from './batch-norm.js'
import { dropoutOperation } from './dropout.js'
import { type MatmulAttributes, matmulOperation } from './matmul.js'
import type { FusedActivation, FusedDropout } from './types.js'
import { weightNormLinearOperation, weightNormOperation, weightNormScale } from './weight-norm.js'

/**
 * Joins chains of operations into the kernels that do them in one pass. The forward graph is fused before it is
 * differentiated, so that each fused operation brings its own fused gradient.
 *
 * - batch normalization, its activation and its dropout: the same bits as one after the other;
 * - matmul, bias and activation: the same bits;
 * - a linear layer under weight normalization: g/‖v‖ scales the product instead of v, within rounding;
 * - at inference, batch normalization into the matmul before it: scale and bias in float64, within rounding.
 */
export function fuse(graph: Graph, kept: Iterable<Value>, mode: 'training' | 'inference'): Rewritten {
  return rewrite(graph, kept, (node, rewriter) => {
    if (node.operation === batchNormOperation) return fuseBatchNorm(node, rewriter)
    if (node.operation === batchNormInferenceOperation) return fuseInference(node, rewriter)
    if (node.operation === matmulOperation) return fuseMatmul(node, rewriter, mode)
    if (node.operation === weightNormOperation) return weightNormWaits(node, rewriter)
    return false
  })
}

function fuseBatchNorm(node: Node, rewriter: Rewriter): boolean {
  const attributes = node.attributes as BatchNormAttributes
  const y = node.outputs[0]!
  const activation = userOf(y, activationOperation, rewriter)
  const activated = activation ? activation.outputs[0]! : y
  const dropout = userOf(activated, dropoutOperation, rewriter)
  if (!activation && !dropout) return false
  const fused: BatchNormAttributes = {
    ...attributes,
    ...(activation ? (activation.attributes as FusedActivation) : {}),
    dropout: dropout ? (dropout.attributes as FusedDropout) : null
  }
  const outputs = rewriter.graph.apply(batchNormOperation, mapped(node, rewriter), fused)
  for (const [index, output] of node.outputs.entries()) rewriter.replace(output, outputs[index]!)
  if (activation) {
    rewriter.skip(activation)
    rewriter.replace(activated, outputs[0]!)
  }
  if (dropout) {
    rewriter.skip(dropout)
    rewriter.replace(dropout.outputs[0]!, outputs[0]!)
    rewriter.replace(dropout.outputs[1]!, outputs[5]!)
  }
  return true
}

function fuseInference(node: Node, rewriter: Rewriter): boolean {
  const activation = userOf(node.outputs[0]!, activationOperation, rewriter)
  if (!activation) return false
  const outputs = rewriter.graph.apply(batchNormInferenceOperation, mapped(node, rewriter), {
    ...node.attributes,
    ...activation.attributes
  })
  for (const [index, output] of node.outputs.entries()) rewriter.replace(output, outputs[index]!)
  rewriter.skip(activation)
  rewriter.replace(activation.outputs[0]!, outputs[0]!)
  return true
}

/** A weight normalization that only one linear layer reads is done there. */
function weightNormWaits(node: Node, rewriter: Rewriter): boolean {
  const user = rewriter.soleUser(node.outputs[0]!)
  return user !== null && takesWeightNorm(user, rewriter) === node
}

function takesWeightNorm(matmul: Node, rewriter: Rewriter): Node | null {
  if (matmul.operation !== matmulOperation) return null
  const [a, b, bias, scale, aScale] = matmul.inputs
  const { transposeA, layoutB, activation } = matmul.attributes as MatmulAttributes
  if (transposeA || layoutB !== 'nk' || activation !== 'identity' || bias || scale || aScale) return null
  const source = b!.source
  if (source.kind !== 'node' || source.node.operation !== weightNormOperation || source.index !== 0) return null
  return b!.shape.length === 2 && a !== b && rewriter.soleUser(b!) === matmul ? source.node : null
}

function fuseMatmul(node: Node, rewriter: Rewriter, mode: 'training' | 'inference'): boolean {
  const attributes = node.attributes as MatmulAttributes
  if (attributes.activation !== 'identity') return false
  const weightNorm = takesWeightNorm(node, rewriter)
  const chain = new Chain(node.outputs[0]!, rewriter)
  const bias = node.inputs[2] ? null : chain.takeBias()
  const batchNorm = node.inputs[3] ? null : chain.takeBatchNorm()
  const activation = chain.takeActivation()
  if (!weightNorm && chain.taken.length === 0) return false
  const inputs = mapped(weightNorm ?? node, rewriter)
  const x = rewriter.find(node.inputs[0]!)!
  const plainBias = bias ?? (node.inputs[2] ? rewriter.find(node.inputs[2])! : null)
  const final = { ...attributes, ...(activation ?? {}) }
  let y: Value
  if (weightNorm && mode === 'training')
    y = rewriter.graph.apply(weightNormLinearOperation, [x, inputs[0]!, inputs[1]!, plainBias], activation ?? identity)[0]!
  else {
    const b = weightNorm ? inputs[0]! : rewriter.find(node.inputs[1]!)!
    const scale = weightNorm ? weightNormScale(inputs[0]!, inputs[1]!) : null
    const folded = batchNorm ? batchNormFold(batchNorm, { scale, bias: plainBias }) : { scale, bias: plainBias }
    const aScale = node.inputs[4] ? rewriter.find(node.inputs[4])! : null
    y = rewriter.graph.apply(matmulOperation, [x, b, folded.bias, folded.scale, aScale], final)[0]!
  }
  rewriter.replace(node.outputs[0]!, y)
  for (const output of chain.taken) rewriter.replace(output, y)
  return true
}

const identity: FusedActivation = { activation: 'identity', slope: 0 }

/** Walks from a value through nodes that each are the only reader of the one before. */
class Chain {
  readonly taken: Value[] = []
  #end: Value
  readonly #rewriter: Rewriter

  constructor(start: Value, rewriter: Rewriter) {
    this.#end = start
    this.#rewriter = rewriter
  }

  takeBias(): Value | null {
    const node = this.#user(addBiasOperation)
    const bias = node && this.#rewriter.find(node.inputs[1]!)
    if (!node || !bias || node.inputs[0] !== this.#end) return null
    this.#take(node)
    return bias
  }

  takeBatchNorm(): { mean: Value; variance: Value; gamma: Value | null; beta: Value | null; epsilon: number } | null {
    const node = this.#user(batchNormInferenceOperation)
    const attributes = node?.attributes as BatchNormAttributes | undefined
    if (!node || !attributes || attributes.axis !== this.#end.shape.length - 1 || attributes.activation !== 'identity') return null
    const [x, ...statistics] = node.inputs
    if (x !== this.#end) return null
    const [mean, variance, gamma, beta] = statistics.map((value) => (value ? this.#rewriter.find(value) : null))
    if (!mean || !variance || gamma === undefined || beta === undefined) return null
    this.#take(node)
    return { mean, variance, gamma, beta, epsilon: attributes.epsilon }
  }

  takeActivation(): FusedActivation | null {
    const node = this.#user(activationOperation)
    if (!node) return null
    this.#take(node)
    return node.attributes as FusedActivation
  }

  #user(operation: unknown): Node | null {
    const user = this.#rewriter.soleUser(this.#end)
    return user?.operation === operation ? user : null
  }

  #take(node: Node): void {
    this.#rewriter.skip(node)
    this.#end = node.outputs[0]!
    this.taken.push(this.#end)
  }
}

function userOf(value: Value, operation: unknown, rewriter: Rewriter): Node | null {
  const user = rewriter.soleUser(value)
  return user?.operation === operation ? user : null
}

function mapped(node: Node, rewriter: Rewriter): (Value | null)[] {
  return node.inputs.map((input) => (input ? rewriter.find(input)! : null))
}
