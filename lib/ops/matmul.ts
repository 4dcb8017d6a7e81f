import type { Node, Operation, Value } from '../graph/graph.js'
import { packedPanel } from '../kernels/table.js'
import { checkOptions } from '../options.js'
import { type Dimension, formatShape, sameDimension } from '../shape.js'
import { activationBackward } from './activation.js'
import { batchMatmul } from './batch-matmul.js'
import { reshape } from './reshape.js'
import { sumRows } from './sum-rows.js'
import { activationScalars, expectFloat32, expectShape, type FusedActivation, float32, noActivation, wholeShape } from './types.js'

/** How the right operand lies in memory: [k, n], [n, k], or as `packWeights` made it. */
export type RightLayout = 'kn' | 'nk' | 'packed'
const layoutCode = { kn: 0, nk: 1, packed: 2 } as const

export interface MatmulAttributes extends FusedActivation {
  readonly transposeA: boolean
  readonly layoutB: RightLayout
  /** Of a packed right operand, whose shape does not tell them. */
  readonly n?: number
}

/** inputs: a, b, bias?, scale?, aScale?; out = activation((Σ_k A[m, k] · aScale[k] · B[k, n]) · scale[n] + bias[n]) */
export const matmulOperation: Operation<MatmulAttributes> = {
  name: 'matmul',
  infer([a, b, bias, scale, aScale], attributes, label) {
    if (a!.shape.length !== 2) throw wholeShape('ops.matmul', label, 'a left operand of two dimensions', a!.shape)
    const { m, n, k, rightK } = sizes(a!, b!, attributes)
    if (rightK !== undefined && !sameDimension(k, rightK))
      throw wholeShape('ops.matmul', label, `a right operand whose inner size is that of ${formatShape(a!.shape)}`, b!.shape)
    expectShape('ops.matmul', label, 'a bias', bias ?? null, [n])
    expectShape('ops.matmul', label, 'a scale', scale ?? null, [n])
    expectShape('ops.matmul', label, 'a scale of the left operand', aScale ?? null, [k])
    return [float32([m, n])]
  },
  gradient: matmulGradient,
  lower({ inputs: [a, b, bias, scale, aScale], outputs: [out], attributes }, lowering) {
    const { m, n, k } = sizes(a!, b!, attributes)
    lowering.call(
      'matmul',
      [out!, a!, b!, bias ?? null, scale ?? null, aScale ?? null],
      [m, n, k],
      [attributes.transposeA ? 1 : 0, layoutCode[(attributes as MatmulAttributes).layoutB], ...activationScalars(attributes)]
    )
  }
}

function sizes(
  a: Value,
  b: Value,
  { transposeA, layoutB, n }: MatmulAttributes
): { m: Dimension; n: Dimension; k: Dimension; rightK: Dimension | undefined } {
  const [m, k] = transposeA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!]
  if (layoutB === 'packed') return { m, n: n!, k, rightK: undefined }
  const [rightK, columns] = layoutB === 'nk' ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!]
  return { m, n: columns, k, rightK }
}

/** Of a matmul without scales; those appear only in graphs that are not differentiated, or in weightNormLinear. */
function matmulGradient(
  node: Node,
  [upstream]: readonly (Value | null)[],
  [wantsA, wantsB, wantsBias]: readonly boolean[]
): (Value | null)[] {
  const [a, b] = node.inputs as [Value, Value]
  const { transposeA, layoutB } = node.attributes as MatmulAttributes
  const dy = preActivationGradient(node, upstream!)
  return [
    wantsA ? leftGradient(dy, b, transposeA, layoutB) : null,
    wantsB ? rightGradient(dy, a, transposeA, layoutB) : null,
    wantsBias ? sumRows(dy) : null
  ]
}

/** The gradient before a fused activation, from its output. */
export function preActivationGradient(node: Node, upstream: Value): Value {
  const { activation, slope } = node.attributes as FusedActivation
  return activation === 'identity' ? upstream : activationBackward(upstream, node.outputs[0]!, { activation, slope })
}

function leftGradient(dy: Value, b: Value, transposeA: boolean, layoutB: RightLayout): Value {
  // dA[m, k] = Σ_n dy[m, n]·B[k, n]; transposed: dAᵀ[k, m] = Σ_n B[k, n]·dy[m, n]
  if (!transposeA) return matmul(dy, b, { transposeB: layoutB === 'kn' })
  return matmul(b, dy, { transposeA: layoutB === 'nk', transposeB: true })
}

function rightGradient(dy: Value, a: Value, transposeA: boolean, layoutB: RightLayout): Value {
  // dB[k, n] = Σ_m A[m, k]·dy[m, n]; transposed: dBᵀ[n, k] = Σ_m dy[m, n]·A[m, k]
  if (layoutB === 'nk') return matmul(dy, a, { transposeA: true, transposeB: transposeA })
  return matmul(a, dy, { transposeA: !transposeA })
}

export interface MatmulOptions {
  /** The left operand is stored [..., k, m]. */
  readonly transposeA?: boolean
  /** The right operand is stored [..., n, k]. */
  readonly transposeB?: boolean
}

/**
 * Matrix products: out[..., m, n] = Σ_k a[..., m, k] · b[..., k, n], one for each place of the batch dimensions, which are
 * broadcast: aligned at the last, a size of 1 or one that is missing stands for any.
 *
 * @param a [..., m, k], or [..., k, m] with `transposeA`
 * @param b [..., k, n], or [..., n, k] with `transposeB`
 * @returns [..., m, n]
 * @throws ShapeError when the inner sizes or the batch dimensions do not fit, or an operand has fewer than two dimensions
 */
export function matmul(a: Value, b: Value, options?: MatmulOptions): Value {
  const owner = 'ops.matmul'
  const { transposeA = false, transposeB = false } = checkOptions(owner, options, ['transposeA', 'transposeB'])
  for (const [side, value] of [
    ['left', a],
    ['right', b]
  ] as const) {
    expectFloat32(owner, value)
    if (value.shape.length < 2) throw wholeShape(owner, a.graph.label, `a ${side} operand of at least two dimensions`, value.shape)
  }
  // One weight for all batches is one product of more rows.
  const rows = !transposeA && b.shape.length === 2
  if (a.shape.length > 2 && rows) {
    const flat = matrixProduct(reshape(a, [-1, a.shape.at(-1)!]), b, transposeA, transposeB)
    return reshape(flat, [...a.shape.slice(0, -1), flat.shape[1]!])
  }
  if (a.shape.length === 2 && b.shape.length === 2) return matrixProduct(a, b, transposeA, transposeB)
  return batchMatmul(a, b, { transposeA, transposeB })
}

function matrixProduct(a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const attributes: MatmulAttributes = { transposeA, layoutB: transposeB ? 'nk' : 'kn', ...noActivation }
  return a.graph.apply(matmulOperation, [a, b, null, null, null], attributes)[0]!
}

interface PackAttributes {
  readonly layoutB: 'kn' | 'nk'
}

const pack: Operation<PackAttributes> = {
  name: 'packWeights',
  infer([b], { layoutB }) {
    const [n, k] = layoutB === 'nk' ? b!.shape : [b!.shape[1], b!.shape[0]]
    return [float32([Math.ceil((n as number) / packedPanel) * packedPanel * (k as number)])]
  },
  lower({ inputs: [b], outputs: [packed], attributes }, lowering) {
    const [n, k] = attributes.layoutB === 'nk' ? b!.shape : [b!.shape[1]!, b!.shape[0]!]
    lowering.call('matmulPack', [packed!, b!], [n!, k!], [layoutCode[(attributes as PackAttributes).layoutB]])
  }
}

/** Constant weights in the order in which the machine's matmul reads them. Only for a right operand of fixed size. */
export function packWeights(b: Value, layoutB: 'kn' | 'nk'): Value {
  return b.graph.apply(pack, [b], { layoutB })[0]!
}
