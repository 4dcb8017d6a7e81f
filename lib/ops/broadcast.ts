import { expectation, ShapeError } from '../errors.js'
import type { Value } from '../graph/graph.js'
import { broadcastDims } from '../kernels/broadcast.js'
import { type Dimension, elementCount, formatShape, multiplyDimensions, type Shape, sameDimension, sameShape } from '../shape.js'
import { reshape } from './reshape.js'
import { sum } from './sum.js'

/** `shape` with sizes of 1 before it, `rank` in all. */
function padded(shape: Shape, rank: number): Shape {
  return [...new Array<Dimension>(rank - shape.length).fill(1), ...shape]
}

/**
 * The shape to which all of `shapes` stretch, by NumPy's rule: they are aligned at their ends, and a size of 1, or
 * none, is repeated. A symbolic size is never taken for 1.
 *
 * @param operands null for a number
 * @throws ShapeError where two sizes differ and neither is 1
 */
export function broadcastShape(owner: string, operands: readonly (Shape | null)[]): Shape {
  const shapes = operands.filter((shape) => shape !== null)
  const rank = Math.max(...shapes.map(({ length }) => length))
  const wide = shapes.map((shape) => padded(shape, rank))
  const result = wide[0]!.map((_, axis) => {
    const sizes = wide.map((shape) => shape[axis]!).filter((size) => size !== 1)
    if (sizes.some((size) => !sameDimension(size, sizes[0]!))) throw misfit(owner, shapes)
    return sizes[0] ?? 1
  })
  elementCount(result) // throws for a product of two symbols, which no memory plan can hold
  return result
}

function misfit(owner: string, shapes: readonly Shape[]): ShapeError {
  const actual = shapes.map(formatShape).join(' and ')
  const expected = 'shapes that broadcast: aligned at their ends, sizes equal or 1'
  return new ShapeError(expectation(owner, expected, actual), { expected, actual })
}

/** How the kernels walk operands of `shapes` to make one of `out`: six dims, and a mask an operand. */
export interface BroadcastPlan {
  readonly dims: readonly Dimension[]
  /** By operand: bit k says that it has one element along dim k. */
  readonly masks: readonly number[]
}

/**
 * Joins neighbouring dimensions along which the same operands are repeated.
 *
 * @param shapes null for a number
 * @throws ShapeError where more than six remain
 */
export function broadcastPlan(owner: string, out: Shape, shapes: readonly (Shape | null)[]): BroadcastPlan {
  const wide = shapes.map((shape) => (shape ? padded(shape, out.length) : null))
  const dims: Dimension[] = []
  const patterns: string[] = []
  for (const [axis, size] of out.entries()) {
    if (size === 1) continue
    const pattern = wide.map((shape) => (!shape || shape[axis] === 1 ? '1' : '0')).join('')
    if (pattern === patterns.at(-1)) dims[dims.length - 1] = multiplyDimensions(dims.at(-1)!, size)
    else {
      dims.push(size)
      patterns.push(pattern)
    }
  }
  if (dims.length > broadcastDims) throw tooMany(owner, shapes, dims.length)
  const missing = broadcastDims - dims.length
  const masks = shapes.map((_, operand) =>
    patterns.reduce((mask, pattern, index) => mask | (pattern[operand] === '1' ? 1 << (index + missing) : 0), 0)
  )
  return { dims: padded(dims, broadcastDims), masks }
}

function tooMany(owner: string, shapes: readonly (Shape | null)[], actual: number): ShapeError {
  const expected = `shapes whose repeated and own dimensions alternate at most ${broadcastDims} times`
  const given = shapes.flatMap((shape) => (shape ? [formatShape(shape)] : [])).join(' and ')
  return new ShapeError(expectation(owner, expected, `${actual} of ${given}`, 'Repeat one of them in two steps'), {
    expected: broadcastDims,
    actual
  })
}

/** Sums a gradient over the dimensions along which an operand of `shape` was repeated. */
export function sumTo(gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient
  const own = padded(shape, gradient.shape.length)
  const axes = [...own.keys()].filter((axis) => own[axis] === 1 && gradient.shape[axis] !== 1)
  const summed = axes.length > 0 ? sum(gradient, { axes, keepDimensions: true }) : gradient
  return sameShape(summed.shape, shape) ? summed : reshape(summed, shape)
}
