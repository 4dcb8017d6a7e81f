import { outOfRange, wrongKind } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { Reduction, type ReductionName } from '../kernels/types.js'
import { checkOptions } from '../options.js'
import { type Dimension, multiplyDimensions, type Shape, sameShape } from '../shape.js'
import { axisOf } from './axis.js'
import { reshape } from './reshape.js'
import { expectFloat32, float32 } from './types.js'

export interface ReduceOptions {
  /** Dimensions to reduce over; negative ones count from the end. Default: all. */
  readonly axes?: number | readonly number[]
  /** Whether the reduced dimensions stay, with size 1. Default false. Without it a reduction over all gives [1]. */
  readonly keepDimensions?: boolean
}

/** [outer, first, middle, second, inner], the second and fourth reduced. */
type Parts = readonly [Dimension, Dimension, Dimension, Dimension, Dimension]

export interface ReduceAttributes {
  readonly operation: ReductionName
  /** Of the input. */
  readonly shape: Shape
  readonly parts: Parts
  /** With size 1 where it was reduced. */
  readonly kept: Shape
}

/** inputs: x; outputs: the reduced value, its dimensions kept with size 1 */
export const reduceOperation: Operation<ReduceAttributes> = {
  name: 'reduce',
  infer: (_inputs, { kept }) => [float32(kept)],
  gradient({ attributes }, [upstream]) {
    return [expand(upstream!, attributes as ReduceAttributes)]
  },
  lower({ inputs: [x], outputs: [out], attributes }, lowering) {
    const { parts, operation } = attributes as ReduceAttributes
    lowering.call('reduce', [out!, x!], parts, [Reduction[operation]])
  }
}

/** inputs: the gradient of a sum or mean; outputs: the gradient of each of its terms */
const backward: Operation<ReduceAttributes> = {
  name: 'reduceBackward',
  infer: (_inputs, { shape }) => [float32(shape)],
  gradient({ attributes }, [upstream]) {
    return [upstream!.graph.apply(reduceOperation, [upstream!], attributes as ReduceAttributes)[0]!]
  },
  lower({ inputs: [dy], outputs: [dx], attributes }, lowering) {
    const { parts, operation } = attributes as ReduceAttributes
    lowering.call('reduceBackward', [dx!, dy!], parts, [Reduction[operation]])
  }
}

function expand(upstream: Value, attributes: ReduceAttributes): Value {
  return upstream.graph.apply(backward, [upstream], attributes)[0]!
}

/** Reduces `x` by one of the operations; `owner` is what an error names. */
export function reduceBy(x: Value, operation: ReductionName, options: ReduceOptions | undefined): Value {
  const owner = `ops.${operation}`
  expectFloat32(owner, x)
  const { axes, keepDimensions = false } = checkOptions(owner, options, ['axes', 'keepDimensions'])
  if (typeof keepDimensions !== 'boolean') throw wrongKind(owner, 'true or false for keepDimensions', keepDimensions)
  const reduced = reducedAxes(owner, x.shape, axes)
  const kept = x.shape.filter((_, axis) => !reduced.has(axis))
  const value = reduceInTurn(x, operation, reduced)
  const shape = kept.length === 0 ? [1] : kept
  return keepDimensions || sameShape(value.shape, shape) ? value : reshape(value, shape)
}

function reducedAxes(owner: string, shape: Shape, axes: ReduceOptions['axes']): Set<number> {
  if (axes === undefined) return new Set(shape.keys())
  const list = typeof axes === 'number' ? [axes] : axes
  if (!Array.isArray(list)) throw wrongKind(owner, 'axes that are a number or a list of numbers', axes)
  const reduced = new Set<number>()
  for (const axis of list as readonly number[]) {
    const position = axisOf(owner, shape, axis)
    if (reduced.has(position)) throw outOfRange(owner, 'each axis once', list)
    reduced.add(position)
  }
  return reduced
}

/** The kernel takes two runs of reduced dimensions at a time; the last ones first, where memory is contiguous. */
function reduceInTurn(x: Value, operation: ReductionName, reduced: ReadonlySet<number>): Value {
  let value = x
  let left = [...reduced].filter((axis) => x.shape[axis] !== 1).sort((a, b) => a - b)
  do {
    const now = lastRuns(value.shape, left)
    left = left.filter((axis) => !now.has(axis))
    const kept = value.shape.map((size, axis) => (now.has(axis) || (left.length === 0 && reduced.has(axis)) ? 1 : size))
    const parts = partsOf(value.shape, now)
    value = value.graph.apply(reduceOperation, [value], { operation, shape: value.shape, parts, kept })[0]!
  } while (left.length > 0)
  return value
}

/**
 * x repeated along its dimensions of size 1.
 *
 * @param shape as many dimensions as x has, alike where x's are not 1
 */
export function expandTo(x: Value, shape: Shape): Value {
  let value = x
  let left = [...shape.keys()].filter((axis) => x.shape[axis] === 1 && shape[axis] !== 1)
  while (left.length > 0) {
    const now = lastRuns(shape, left)
    left = left.filter((axis) => !now.has(axis))
    const next = value.shape.map((size, axis) => (now.has(axis) ? shape[axis]! : size))
    value = expand(value, { operation: 'sum', shape: next, parts: partsOf(next, now), kept: value.shape })
  }
  return value
}

/** Those of `axes` (rising) that lie in the last two runs of neighbours; sizes of 1 do not part neighbours. */
function lastRuns(shape: Shape, axes: readonly number[]): Set<number> {
  const taken = new Set<number>()
  let runs = 0
  for (const [index, axis] of [...axes.entries()].reverse()) {
    const next = axes[index + 1]
    const neighbours = next !== undefined && shape.slice(axis + 1, next).every((size) => size === 1)
    if (!neighbours && ++runs > 2) break
    taken.add(axis)
  }
  return taken
}

function partsOf(shape: Shape, reduced: ReadonlySet<number>): Parts {
  // From the end: inner, second, middle, first, outer.
  const parts: Dimension[] = [1, 1, 1, 1, 1]
  let part = 4
  for (const [axis, size] of [...shape.entries()].reverse()) {
    if (size === 1) continue
    const isReduced = reduced.has(axis)
    if (isReduced !== (part % 2 === 1)) part--
    parts[part] = multiplyDimensions(parts[part]!, size)
  }
  return parts as unknown as Parts
}
