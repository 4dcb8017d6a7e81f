import { outOfRange, wrongKind } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { addDimensions, type Dimension, formatShape, type Shape, sameShape } from '../shape.js'
import { axisOf } from './axis.js'
import { isDimension, reshape } from './reshape.js'
import { rowsOf, sliceAxis } from './slice.js'
import { expectFloat32, float32, wholeShape } from './types.js'

interface Attributes {
  readonly axis: number
}

const operation: Operation<Attributes> = {
  name: 'concat',
  infer(inputs, { axis }, label) {
    const [first, ...others] = inputs as readonly Value[]
    const others1 = (shape: Shape): Shape => shape.with(axis, 1)
    for (const { shape } of others)
      if (shape.length !== first!.shape.length || !sameShape(others1(shape), others1(first!.shape)))
        throw wholeShape('ops.concat', label, `values that differ from ${formatShape(first!.shape)} along dimension ${axis} alone`, shape)
    return [float32(first!.shape.with(axis, total(inputs as readonly Value[], axis)))]
  },
  gradient({ inputs, attributes }, [upstream], wanted) {
    const { axis } = attributes as Attributes
    let before: Dimension = 0
    return inputs.map((input, index) => {
      const length = input!.shape[axis]!
      const part = wanted[index] ? sliceAxis(upstream!, axis, before, length) : null
      before = addDimensions(before, length)
      return part
    })
  },
  lower({ inputs, outputs: [out], attributes }, lowering) {
    const { axis } = attributes as Attributes
    const whole = out!.shape[axis]!
    let before: Dimension = 0
    for (const input of inputs as readonly Value[]) {
      const length = input.shape[axis]!
      const after = addDimensions(addDimensions(whole, before, -1), length, -1)
      lowering.call('place', [out!, input], rowsOf(out!.shape, { axis, before, length, after }))
      before = addDimensions(before, length)
    }
  }
}

function total(values: readonly Value[], axis: number): Dimension {
  return values.reduce<Dimension>((sum, { shape }) => addDimensions(sum, shape[axis]!), 0)
}

/**
 * Values behind one another along a dimension.
 *
 * @param values at least one, alike in all other dimensions
 * @param axis negative ones count from the end; default −1
 * @throws ShapeError where the other dimensions differ
 */
export function concat(values: readonly Value[], axis = -1): Value {
  const [first] = expectValues('ops.concat', values)
  const position = axisOf('ops.concat', first.shape, axis)
  return values.length === 1 ? first : first.graph.apply(operation, values, { axis: position })[0]!
}

/**
 * Values of one shape along a new dimension.
 *
 * @param values at least one, all of the same shape
 * @param axis where the new dimension stands in the result; negative ones count from its end; default 0
 * @throws ShapeError where the shapes differ
 */
export function stack(values: readonly Value[], axis = 0): Value {
  const [first] = expectValues('ops.stack', values)
  const position = axisOf('ops.stack', first.shape, axis, 1)
  for (const { shape } of values)
    if (!sameShape(shape, first.shape))
      throw wholeShape('ops.stack', first.graph.label, `values of shape ${formatShape(first.shape)}`, shape)
  return concat(
    values.map((value) => reshape(value, value.shape.toSpliced(position, 0, 1))),
    position
  )
}

/**
 * Parts of a value along a dimension, in order.
 *
 * @param sizes how many parts of equal size, or the size of each
 * @param axis negative ones count from the end; default −1
 * @throws RangeError for a number of parts that does not divide the dimension; ShapeError for sizes that do not add up to it
 */
export function split(x: Value, sizes: number | readonly Dimension[], axis = -1): Value[] {
  expectFloat32('ops.split', x)
  const position = axisOf('ops.split', x.shape, axis)
  const whole = x.shape[position]!
  if (typeof sizes === 'number' && (typeof whole !== 'number' || !Number.isSafeInteger(sizes) || sizes < 1 || whole % sizes !== 0))
    throw outOfRange('ops.split', `a number of parts that divides dimension ${position} of ${formatShape(x.shape)}`, sizes)
  const lengths: readonly Dimension[] = typeof sizes === 'number' ? new Array(sizes).fill((whole as number) / sizes) : sizes
  if (!Array.isArray(lengths)) throw wrongKind('ops.split', 'a number of parts or a list of sizes', sizes)
  for (const length of lengths) if (!isDimension(length)) throw wrongKind('ops.split', 'sizes that are whole numbers', length)
  const sum = lengths.reduce<Dimension>((before, length) => addDimensions(before, length), 0)
  if (lengths.some((length) => typeof length === 'number' && !(length >= 0)) || !sameShape([sum], [whole]))
    throw wholeShape('ops.split', x.graph.label, `sizes that add up to dimension ${position} of ${formatShape(x.shape)}`, lengths)
  let before: Dimension = 0
  return lengths.map((length) => {
    const part = sliceAxis(x, position, before, length)
    before = addDimensions(before, length)
    return part
  })
}

function expectValues(owner: string, values: readonly Value[]): readonly [Value, ...Value[]] {
  if (!Array.isArray(values) || values.length === 0) throw wrongKind(owner, 'a list of at least one value', values)
  for (const value of values) expectFloat32(owner, value)
  return values as unknown as readonly [Value, ...Value[]]
}
