import { outOfRange, wrongKind } from '../errors.js'
import type { Node, Operation, Value } from '../graph/graph.js'
import type { Lowering, Temporary } from '../graph/lowering.js'
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

/** One kernel call; `shape` is that of its result, reduced dimensions of size 1. */
interface Stage {
  readonly parts: Parts
  readonly shape: Shape
}

export interface ReduceAttributes {
  readonly operation: ReductionName
  /** Of the input. */
  readonly shape: Shape
  /** At least one. */
  readonly stages: readonly Stage[]
}

/** inputs: x; outputs: the reduced value, its dimensions kept with size 1 */
const reduceOperation: Operation<ReduceAttributes> = {
  name: 'reduce',
  infer: (_inputs, { stages }) => [float32(stages.at(-1)!.shape)],
  gradient: ({ attributes }, [upstream]) => [upstream!.graph.apply(expandOperation, [upstream!], attributes as ReduceAttributes)[0]!],
  lower: lowerReduce
}

export function lowerReduce({ inputs: [x], outputs: [out], attributes }: Node, lowering: Lowering): void {
  const { operation, stages } = attributes as ReduceAttributes
  let from: Value | Temporary = x!
  for (const [index, { parts, shape }] of stages.entries()) {
    const to = index === stages.length - 1 ? out! : lowering.temporary(shape)
    lowering.call('reduce', [to, from], parts, [Reduction[operation]])
    from = to
  }
}

/** inputs: the gradient of a sum or mean; outputs: the gradient of each of its terms */
const expandOperation: Operation<ReduceAttributes> = {
  name: 'reduceBackward',
  infer: (_inputs, { shape }) => [float32(shape)],
  gradient: ({ attributes }, [upstream]) => [upstream!.graph.apply(reduceOperation, [upstream!], attributes as ReduceAttributes)[0]!],
  lower({ inputs: [dy], outputs: [dx], attributes }, lowering) {
    const { operation, stages } = attributes as ReduceAttributes
    let from: Value | Temporary = dy!
    for (let index = stages.length - 1; index >= 0; index--) {
      const to = index === 0 ? dx! : lowering.temporary(stages[index - 1]!.shape)
      lowering.call('reduceBackward', [to, from], stages[index]!.parts, [Reduction[operation]])
      from = to
    }
  }
}

/** Reduces `x` by one of the operations, which the node `by` lowers. */
export function reduceBy(x: Value, operation: ReductionName, options: ReduceOptions | undefined, by = reduceOperation): Value {
  const owner = `ops.${operation}`
  expectFloat32(owner, x)
  const { axes, keepDimensions = false } = checkOptions(owner, options, ['axes', 'keepDimensions'])
  if (typeof keepDimensions !== 'boolean') throw wrongKind(owner, 'true or false for keepDimensions', keepDimensions)
  const reduced = reducedAxes(owner, x.shape, axes)
  const value = x.graph.apply(by, [x], { operation, shape: x.shape, stages: stagesOf(x.shape, reduced) })[0]!
  const left = x.shape.filter((_, axis) => !reduced.has(axis))
  const shape = left.length === 0 ? [1] : left
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
function stagesOf(whole: Shape, reduced: ReadonlySet<number>): Stage[] {
  const stages: Stage[] = []
  let shape = whole
  let left = [...reduced].filter((axis) => whole[axis] !== 1).sort((a, b) => a - b)
  do {
    const now = lastRuns(shape, left)
    left = left.filter((axis) => !now.has(axis))
    const parts = partsOf(shape, now)
    shape = shape.map((size, axis) => (now.has(axis) ? 1 : size))
    stages.push({ parts, shape })
  } while (left.length > 0)
  return stages
}

/**
 * x repeated along its dimensions of size 1.
 *
 * @param shape as many dimensions as x has, alike where x's are not 1
 */
export function expandTo(x: Value, shape: Shape): Value {
  const repeated = new Set([...shape.keys()].filter((axis) => x.shape[axis] === 1 && shape[axis] !== 1))
  if (repeated.size === 0) return x
  return x.graph.apply(expandOperation, [x], { operation: 'sum', shape, stages: stagesOf(shape, repeated) })[0]!
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
