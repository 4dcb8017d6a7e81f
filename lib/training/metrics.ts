import { describe, ShapeError, wrongKind } from '../errors.js'
import type { StaticShape } from '../shape.js'

/** What `evaluate` and validation can measure besides the loss. Holds no state: each run asks for its own tally. */
export interface Metric {
  /** Key of the result: `accuracy`. */
  readonly name: string
  start(): MetricTally
}

/** Gathers one run over the data, batch by batch of any sizes. */
export interface MetricTally {
  /** Called in the order of the rows. The arrays are only lent: they change after the call. */
  update(batch: MetricBatch): void
  /** NaN when no row was seen. */
  result(): number
}

export interface MetricBatch {
  readonly rows: number
  /** rows × outputShape, row after row. */
  readonly output: Float32Array
  /** Without the batch dimension. */
  readonly outputShape: StaticShape
  /** Int32Array: a class number a row. Float32Array: values of the output's shape. */
  readonly target: Int32Array | Float32Array
}

/**
 * The fraction of rows whose largest output is that of the row's class. Rows are counted, so the result is exact
 * however the data were cut. Of equal outputs the first counts; a row that holds NaN is wrong.
 *
 * Target: class numbers. Output: `[batch, classes]`, at least two classes, probabilities or logits alike.
 *
 * @throws TypeError for targets that are not class numbers, ShapeError for outputs that are not one value a class
 * @example await net.evaluate({ x, y }, { metrics: [accuracy()] })   // { accuracy }
 */
export function accuracy(): Metric {
  return { name: 'accuracy', start: () => accuracyTally() }
}

function accuracyTally(): MetricTally {
  let correct = 0
  let total = 0
  return {
    update({ rows, output, outputShape, target }) {
      const classes = checkClasses(outputShape, target)
      for (let row = 0; row < rows; row++) if (argmax(output, row * classes, classes) === target[row]) correct++
      total += rows
    },
    result: () => correct / total
  }
}

function checkClasses(outputShape: StaticShape, target: Int32Array | Float32Array): number {
  if (!(target instanceof Int32Array))
    throw wrongKind('accuracy', 'class numbers as targets', target, 'Give y as integers, one class number a row')
  const classes = outputShape[0]
  if (outputShape.length !== 1 || classes === undefined || classes < 2)
    throw new ShapeError(`accuracy: expected outputs of one value a class, at least 2, got rows of shape ${describe([...outputShape])}`, {
      expected: '[classes]',
      actual: outputShape
    })
  return classes
}

/** Index of the first largest of `count` values, or -1 where one is NaN. */
function argmax(values: Float32Array, start: number, count: number): number {
  let best = 0
  let largest = values[start]!
  for (let i = 0; i < count; i++) {
    const value = values[start + i]!
    if (Number.isNaN(value)) return -1
    if (value > largest) [best, largest] = [i, value]
  }
  return best
}
