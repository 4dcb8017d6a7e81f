import { describe, outOfRange, ShapeError, wrongKind } from '../errors.js'
import type { StaticShape } from '../shape.js'
import type { MetricBatch } from './metrics.js'

/** How outputs and targets are read as classes. */
export interface ClassReading {
  readonly owner: string
  /** What targets of two and more classes hold. */
  readonly labels: 'classes' | 'probabilities'
  /** A row of one value is of class 1 above it. */
  readonly threshold: number
}

/** Class of each row: `predicted` −1 where the output holds NaN. Rows of weight 0 are left out. */
export type Decide = (truth: number, predicted: number, weight: number, row: number) => void

/** Number of classes that an output tells apart: 2 for rows of one value. */
export function classCount(owner: string, outputShape: StaticShape): number {
  const [columns] = outputShape
  if (outputShape.length === 1 && columns! >= 1) return Math.max(2, columns!)
  throw new ShapeError(`${owner}: expected outputs of one value a class, got rows of shape ${describe([...outputShape])}`, {
    expected: '[classes]',
    actual: outputShape
  })
}

/** Calls `decide` for each row that weighs anything. */
export function eachDecision(reading: ClassReading, batch: MetricBatch, decide: Decide): void {
  const { owner, threshold } = reading
  const { rows, output, outputShape, target, sampleWeight } = batch
  const classes = classCount(owner, outputShape)
  const single = outputShape[0] === 1
  checkTargets(reading, batch, single)
  for (let row = 0; row < rows; row++) {
    const weight = sampleWeight ? sampleWeight[row]! : 1
    if (weight === 0) continue
    const truth = truthOf(owner, target, row, classes, single)
    const predicted = single ? sideOf(output[row]!, threshold) : argmax(output, row * classes, classes)
    decide(truth, predicted, weight, row)
  }
}

function checkTargets({ owner, labels }: ClassReading, { rows, outputShape, target }: MetricBatch, single: boolean): void {
  const soft = target instanceof Float32Array
  if (single && target.length === rows) return
  if (!single && soft && labels === 'probabilities' && target.length === rows * outputShape[0]!) return
  if (!single && !soft && labels === 'classes') return
  const expected = labels === 'classes' ? 'class numbers as targets' : 'probabilities of the classes as targets'
  const advice = labels === 'classes' ? "Give y as integers, one class number a row; or labels: 'probabilities'" : undefined
  throw wrongKind(owner, expected, target, advice)
}

function truthOf(owner: string, target: Int32Array | Float32Array, row: number, classes: number, single: boolean): number {
  if (target instanceof Float32Array) return single ? sideOf(target[row]!, 0.5) : argmax(target, row * classes, classes)
  const truth = target[row]!
  if (truth >= 0 && truth < classes) return truth
  throw outOfRange(owner, `class numbers 0 … ${classes - 1} as targets`, truth)
}

/** 1 above the threshold, −1 for NaN. */
function sideOf(value: number, threshold: number): number {
  if (value > threshold) return 1
  return value <= threshold ? 0 : -1
}

/** Index of the first largest of `count` values, or -1 where one is NaN. */
export function argmax(values: Float32Array, start: number, count: number): number {
  let best = 0
  let largest = values[start]!
  for (let i = 0; i < count; i++) {
    const value = values[start + i]!
    if (Number.isNaN(value)) return -1
    if (value > largest) {
      best = i
      largest = value
    }
  }
  return best
}

/** a / b, and 0 where b is 0. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b
}
