import type { Operation, Value } from '../graph/graph.js'
import { type Dimension, elementCount, type Shape } from '../shape.js'
import { axisOf } from './axis.js'
import { expectDType, expectFloat32, float32, product } from './types.js'

interface Attributes {
  readonly axis: number
  /** Of x. */
  readonly shape: Shape
}

/** inputs: x, indices */
const operation: Operation<Attributes> = {
  name: 'gather',
  infer: ([, indices], { axis, shape }) => [float32([...shape.slice(0, axis), ...indices!.shape, ...shape.slice(axis + 1)])],
  gradient({ inputs: [, indices], attributes }, [upstream]) {
    return [upstream!.graph.apply(backward, [upstream!, indices!], attributes as Attributes)[0]!, null]
  },
  lower({ inputs: [x, indices], outputs: [out], attributes }, lowering) {
    lowering.call('gather', [out!, x!, indices!], dimsOf(attributes as Attributes, indices!))
  }
}

/** inputs: dy, indices */
const backward: Operation<Attributes> = {
  name: 'gatherBackward',
  infer: (_inputs, { shape }) => [float32(shape)],
  gradient({ inputs: [, indices], attributes }, [upstream]) {
    return [upstream!.graph.apply(operation, [upstream!, indices!], attributes as Attributes)[0]!, null]
  },
  lower({ inputs: [dy, indices], outputs: [dx], attributes }, lowering) {
    lowering.call('gatherBackward', [dx!, dy!, indices!], dimsOf(attributes as Attributes, indices!))
  }
}

function dimsOf({ axis, shape }: Attributes, indices: Value): [Dimension, Dimension, Dimension, Dimension] {
  return [product(shape.slice(0, axis)), shape[axis]!, product(shape.slice(axis + 1)), elementCount(indices.shape)]
}

/**
 * Slices of x by their numbers along a dimension: out[..., j, ...] = x[..., indices[j], ...].
 *
 * The gradient adds up what came from the same slice, in the order of the indices: the same bits on every machine.
 *
 * @param indices int32, any shape, each 0 … size − 1; another number stops the step with an error
 * @param axis negative ones count from the end; default 0
 * @returns x's shape with that of the indices in place of the dimension
 * @throws TypeError for indices that are not int32; ShapeError for an axis that x does not have
 */
export function gather(x: Value, indices: Value, axis = 0): Value {
  expectFloat32('ops.gather', x)
  expectDType('ops.gather', indices, 'int32', 'indices')
  return x.graph.apply(operation, [x, indices], { axis: axisOf('ops.gather', x.shape, axis), shape: x.shape })[0]!
}
