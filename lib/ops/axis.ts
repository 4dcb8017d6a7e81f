import { expectation, ShapeError, wrongKind } from '../errors.js'
import { formatShape, type Shape } from '../shape.js'

/** The dimension that `axis` means, negative ones counted from the end; `room`: how many there may be more than x has. */
export function axisOf(owner: string, shape: Shape, axis: number, room = 0): number {
  const rank = shape.length + room
  const expected = `an axis from ${-rank} to ${rank - 1} for a value of shape ${formatShape(shape)}`
  if (typeof axis !== 'number') throw wrongKind(owner, expected, axis)
  const position = axis < 0 ? rank + axis : axis
  if (!Number.isInteger(axis) || position < 0 || position >= rank)
    throw new ShapeError(expectation(owner, expected, axis), {
      expected: rank,
      actual: axis
    })
  return position
}
