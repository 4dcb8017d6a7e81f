import { outOfRange, wrongKind } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { type Dimension, multiplyDimensions, type Shape } from '../shape.js'
import { axisOf } from './axis.js'
import { reshape } from './reshape.js'
import { expectFloat32, float32, wholeShape } from './types.js'

/** Dimensions that the kernel takes, after neighbours that stay together have become one. */
const mostDimensions = 6

interface Attributes {
  /** Output dimension i is dimension permutation[i] of x. */
  readonly permutation: readonly number[]
}

const operation: Operation<Attributes> = {
  name: 'transpose',
  infer: ([x], { permutation }) => [float32(permutation.map((axis) => x!.shape[axis]!))],
  gradient({ attributes }, [upstream]) {
    const { permutation } = attributes as Attributes
    return [transpose(upstream!, inverse(permutation))]
  },
  lower({ inputs: [x], outputs: [out], attributes, label }, lowering) {
    const { dims, order } = coalesce(x!.shape, (attributes as Attributes).permutation)
    if (dims.length > mostDimensions)
      throw wholeShape('ops.transpose', label, `at most ${mostDimensions} groups of dimensions that move apart`, x!.shape)
    const missing = mostDimensions - dims.length
    const leading = Array.from({ length: missing }, (_, axis) => axis)
    lowering.call('permute', [out!, x!], [...leading.map(() => 1), ...dims], [...leading, ...order.map((axis) => axis + missing)])
  }
}

function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, axis) => permutation.indexOf(axis))
}

/** Dimensions of size 1 left out, and neighbours that are still neighbours in the output taken together. */
function coalesce(shape: Shape, permutation: readonly number[]): { dims: Dimension[]; order: number[] } {
  const moving = permutation.filter((axis) => shape[axis] !== 1)
  const present = [...moving].sort((a, b) => a - b)
  const follows = (axis: number): boolean => moving[moving.indexOf(axis) - 1] === present[present.indexOf(axis) - 1] && axis !== present[0]
  const heads = present.filter((axis) => !follows(axis))
  const dims = heads.map((head, index) =>
    present
      .filter((axis) => axis >= head && axis < (heads[index + 1] ?? shape.length))
      .reduce<Dimension>((size, axis) => multiplyDimensions(size, shape[axis]!), 1)
  )
  return { dims, order: moving.filter((axis) => heads.includes(axis)).map((axis) => heads.indexOf(axis)) }
}

/**
 * The same elements with their dimensions in another order: dimension i of the result is dimension permutation[i] of x.
 *
 * @param permutation every dimension of x once, negative ones counted from the end; default: all of them reversed
 * @returns x's sizes in the new order
 * @throws RangeError where a dimension is missing or named twice; ShapeError for one that x does not have
 */
export function transpose(x: Value, permutation?: readonly number[]): Value {
  expectFloat32('ops.transpose', x)
  if (permutation !== undefined && !Array.isArray(permutation))
    throw wrongKind('ops.transpose', 'a permutation that is a list of dimensions', permutation)
  const order = permutation?.map((axis) => axisOf('ops.transpose', x.shape, axis)) ?? [...x.shape.keys()].reverse()
  if (order.length !== x.shape.length || new Set(order).size !== order.length)
    throw outOfRange('ops.transpose', `each of the ${x.shape.length} dimensions once`, permutation)
  const moving = order.filter((axis) => x.shape[axis] !== 1)
  // Nothing changes its place in memory.
  if (moving.every((axis, index) => index === 0 || axis > moving[index - 1]!))
    return reshape(
      x,
      order.map((axis) => x.shape[axis]!)
    )
  return x.graph.apply(operation, [x], { permutation: order })[0]!
}
