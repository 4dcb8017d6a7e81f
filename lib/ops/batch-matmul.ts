import type { Operation, Value } from '../graph/graph.js'
import { type Dimension, formatShape, multiplyDimensions, type Shape, sameDimension } from '../shape.js'
import { sumTo } from './broadcast.js'
import { expandTo } from './reduce.js'
import { reshape } from './reshape.js'
import { float32, wholeShape } from './types.js'

/** Batch dimensions that the kernel takes, after neighbours that are alike have become one. */
const mostGroups = 3

interface Attributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** inputs: a, b of as many dimensions, each batch dimension alike or 1 in one of them */
const operation: Operation<Attributes> = {
  name: 'batchMatmul',
  infer([a, b], attributes, label) {
    const { m, n, k, rightK } = sizes(a!.shape, b!.shape, attributes)
    if (!sameDimension(k, rightK))
      throw wholeShape('ops.matmul', label, `a right operand whose inner size is that of ${formatShape(a!.shape)}`, b!.shape)
    return [float32([...broadcast(a!.shape, b!.shape), m, n])]
  },
  gradient({ inputs: [a, b], attributes }, [dy], [wantsA, wantsB]) {
    const { transposeA, transposeB } = attributes as Attributes
    return [
      wantsA ? sumTo(leftGradient(dy!, b!, transposeA, transposeB), a!.shape) : null,
      wantsB ? sumTo(rightGradient(dy!, a!, transposeA, transposeB), b!.shape) : null
    ]
  },
  lower({ inputs: [a, b], outputs: [out], attributes }, lowering) {
    const { transposeA, transposeB } = attributes as Attributes
    const { m, n, k } = sizes(a!.shape, b!.shape, attributes as Attributes)
    const { batches, lackingA, lackingB } = groups(a!.shape, b!.shape)
    const padding = new Array<Dimension>(mostGroups - batches.length).fill(1)
    lowering.call(
      'batchMatmul',
      [out!, a!, b!],
      [...batches, ...padding, m, n, k],
      [transposeA ? 1 : 0, transposeB ? 1 : 0, lackingA, lackingB]
    )
  }
}

function sizes(a: Shape, b: Shape, { transposeA, transposeB }: Attributes): Record<'m' | 'n' | 'k' | 'rightK', Dimension> {
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!]
  const [n, rightK] = transposeB ? [b.at(-2)!, b.at(-1)!] : [b.at(-1)!, b.at(-2)!]
  return { m, n, k, rightK }
}

/** The batch dimensions of the product; those of a and b are alike or 1. */
function broadcast(a: Shape, b: Shape): Shape {
  return a.slice(0, -2).map((size, axis) => (size === 1 ? b[axis]! : size))
}

/** Neighbouring batch dimensions that both have, or the same one lacks, are one; bit i of `lacking` is group i. */
function groups(a: Shape, b: Shape): { batches: Dimension[]; lackingA: number; lackingB: number } {
  const found: { size: Dimension; lacksA: boolean; lacksB: boolean }[] = []
  for (const [axis, size] of broadcast(a, b).entries()) {
    if (size === 1) continue
    const [lacksA, lacksB] = [a[axis] === 1, b[axis] === 1]
    const last = found.at(-1)
    if (last && last.lacksA === lacksA && last.lacksB === lacksB) last.size = multiplyDimensions(last.size, size)
    else found.push({ size, lacksA, lacksB })
  }
  const bits = (key: 'lacksA' | 'lacksB'): number => found.reduce((mask, group, index) => mask | (group[key] ? 1 << index : 0), 0)
  return { batches: found.map(({ size }) => size), lackingA: bits('lacksA'), lackingB: bits('lacksB') }
}

function leftGradient(dy: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  // dA[m, k] = Σ_n dy[m, n]·B[k, n]; transposed: dAᵀ[k, m] = Σ_n B[k, n]·dy[m, n]
  return transposeA
    ? batchMatmul(b, dy, { transposeA: transposeB, transposeB: true })
    : batchMatmul(dy, b, { transposeA: false, transposeB: !transposeB })
}

function rightGradient(dy: Value, a: Value, transposeA: boolean, transposeB: boolean): Value {
  // dB[k, n] = Σ_m A[m, k]·dy[m, n]; transposed: dBᵀ[n, k] = Σ_m dy[m, n]·A[m, k]
  return transposeB
    ? batchMatmul(dy, a, { transposeA: true, transposeB: transposeA })
    : batchMatmul(a, dy, { transposeA: !transposeA, transposeB: false })
}

/** Products of matrices in the last two dimensions; the others are broadcast. Operands have at least two. */
export function batchMatmul(a: Value, b: Value, attributes: Attributes): Value {
  const rank = Math.max(a.shape.length, b.shape.length)
  const aligned = ({ shape }: Value): Shape => [...new Array<Dimension>(rank - shape.length).fill(1), ...shape]
  const [shapeA, shapeB] = [aligned(a), aligned(b)]
  for (let axis = 0; axis < rank - 2; axis++) {
    const [sizeA, sizeB] = [shapeA[axis]!, shapeB[axis]!]
    if (sizeA !== 1 && sizeB !== 1 && !sameDimension(sizeA, sizeB))
      throw wholeShape(
        'ops.matmul',
        a.graph.label,
        `batch dimensions that fit those of ${formatShape(a.shape)}`,
        b.shape,
        'A size of 1 fits any'
      )
  }
  const operands = [reshape(a, shapeA), reshape(b, shapeB)] as const
  if (groups(shapeA, shapeB).batches.length <= mostGroups) return a.graph.apply(operation, operands, attributes)[0]!
  // So many turns between who lacks what are rare: repeat the operands instead.
  const batches = broadcast(shapeA, shapeB)
  const whole = operands.map((value) => expandTo(value, [...batches, ...value.shape.slice(-2)]))
  return a.graph.apply(operation, whole, attributes)[0]!
}
