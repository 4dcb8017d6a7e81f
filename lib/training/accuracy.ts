import { describe, ShapeError, wrongKind } from '../errors.js'
import { checkOptions, choiceOption, integerOption, numberOption } from '../options.js'
import type { StaticShape } from '../shape.js'
import { type ClassReading, eachDecision, ratio } from './decisions.js'
import { nameOption } from './metric-options.js'
import type { Metric, MetricBatch } from './metrics.js'

export interface AccuracyOptions {
  /** Key of the result; default 'accuracy'. */
  readonly name?: string
  /** What `y` holds: class numbers, or a probability of each class, of which the largest counts. Default 'classes'. */
  readonly labels?: 'classes' | 'probabilities'
}

/**
 * The fraction of rows whose largest output is that of the row's class, by weight: Σ wᵣ·[right] / Σ wᵣ. Rows are counted,
 * so the result is exact however the data were cut. Of equal outputs the first counts; a row that holds NaN is wrong.
 *
 * Target: class numbers, or probabilities. Output: `[batch, classes]`, at least two classes, probabilities or logits alike.
 *
 * @throws TypeError for options, and for targets that are not what `labels` says; ShapeError for outputs that are not one
 * value a class
 * @example await net.evaluate({ x, y }, { metrics: [accuracy()] })   // { accuracy }
 */
export function accuracy(options?: AccuracyOptions): Metric {
  const given = checkOptions('accuracy', options, ['name', 'labels'])
  const reading = { owner: 'accuracy', labels: labelsOption('accuracy', given.labels), threshold: 0 }
  return fractionOf(nameOption('accuracy', given.name, 'accuracy'), (batch, count) => {
    expectClasses('accuracy', batch.outputShape)
    eachDecision(reading, batch, (truth, predicted, weight) => count(truth === predicted, weight))
  })
}

export interface TopKOptions extends AccuracyOptions {
  /** How many of the largest outputs may be the row's class, at least 1; default 5. */
  readonly k?: number
}

/**
 * The fraction of rows whose class is among those of the k largest outputs, by weight. Of equal outputs the first are
 * taken; a row that holds NaN is wrong.
 *
 * Target and output are as for `accuracy`, which is k = 1. Its name is `top5Accuracy` for k = 5.
 *
 * @throws as `accuracy` does; RangeError for k
 * @example await net.evaluate({ x, y }, { metrics: [topKAccuracy({ k: 2 })] })   // { top2Accuracy }
 */
export function topKAccuracy(options?: TopKOptions): Metric {
  const owner = 'topKAccuracy'
  const given = checkOptions(owner, options, ['name', 'labels', 'k'])
  const k = integerOption(owner, 'k', given.k, 5, { atLeast: 1 })
  const reading: ClassReading = { owner, labels: labelsOption(owner, given.labels), threshold: 0 }
  return fractionOf(nameOption(owner, given.name, `top${k}Accuracy`), (batch, count) => {
    const classes = expectClasses(owner, batch.outputShape)
    eachDecision(reading, batch, (truth, predicted, weight, row) => {
      count(predicted >= 0 && rankOf(batch.output, row * classes, classes, truth) < k, weight)
    })
  })
}

/** How many of a row's outputs come before that of `index`: larger ones, and equal ones that stand before it. */
function rankOf(values: Float32Array, start: number, count: number, index: number): number {
  const own = values[start + index]!
  let rank = 0
  for (let i = 0; i < count; i++) if (values[start + i]! > own || (i < index && values[start + i] === own)) rank++
  return rank
}

export interface BinaryAccuracyOptions {
  /** Key of the result; default 'binaryAccuracy'. */
  readonly name?: string
  /** An output above it says yes. Default 0, which is a probability of ½ for logits; 0.5 where outputs are probabilities. */
  readonly threshold?: number
}

/**
 * The fraction of right yes-or-no outputs, by the rows' weights: output > threshold against target > ½. A row of several
 * outputs counts each of them. An output that is NaN is wrong.
 *
 * Output: `[batch, ...]`. Target: numbers in 0 … 1 of the same shape; or whole numbers, one a row, for one output a row.
 *
 * @throws TypeError for options, or targets of another number; RangeError for the threshold
 * @example binaryAccuracy({ threshold: 0.5 })
 */
export function binaryAccuracy(options?: BinaryAccuracyOptions): Metric {
  const owner = 'binaryAccuracy'
  const given = checkOptions(owner, options, ['name', 'threshold'])
  const threshold = numberOption(owner, 'threshold', given.threshold, 0)
  return fractionOf(nameOption(owner, given.name, owner), ({ rows, output, target, sampleWeight }, count) => {
    if (target.length !== output.length) throw wrongKind(owner, `${output.length} targets for ${output.length} outputs`, target)
    const elements = rows === 0 ? 0 : output.length / rows
    for (let i = 0; i < output.length; i++) {
      const weight = sampleWeight ? sampleWeight[Math.floor(i / elements)]! : 1
      if (weight === 0) continue
      const value = output[i]!
      count(target[i]! > 0.5 ? value > threshold : value <= threshold, weight)
    }
  })
}

/** A metric that is Σ weight of what is right / Σ weight. */
function fractionOf(name: string, visit: (batch: MetricBatch, count: (right: boolean, weight: number) => void) => void): Metric {
  return {
    name,
    start() {
      let right = 0
      let total = 0
      const count = (isRight: boolean, weight: number): void => {
        if (isRight) right += weight
        total += weight
      }
      return { update: (batch) => visit(batch, count), result: () => ratio(right, total) }
    }
  }
}

function expectClasses(owner: string, outputShape: StaticShape): number {
  const [classes] = outputShape
  if (outputShape.length === 1 && classes! >= 2) return classes!
  throw new ShapeError(`${owner}: expected outputs of one value a class, at least 2, got rows of shape ${describe([...outputShape])}`, {
    expected: '[classes]',
    actual: outputShape
  })
}

/** The option `labels` of metrics of classes. */
export function labelsOption(owner: string, value: unknown): 'classes' | 'probabilities' {
  return choiceOption(owner, 'labels', value, 'classes', ['classes', 'probabilities'])
}
