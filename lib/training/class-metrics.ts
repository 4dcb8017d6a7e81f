import { describe, expectation, outOfRange, withCode } from '../errors.js'
import { checkOptions, choiceOption, numberOption } from '../options.js'
import { labelsOption } from './accuracy.js'
import { type ClassReading, classCount, eachDecision, ratio } from './decisions.js'
import { nameOption } from './metric-options.js'
import type { Metric, MetricBatch, MetricTally, MetricValue } from './metrics.js'

export interface ClassMetricOptions {
  /** Key of the result; default the metric's own name. */
  readonly name?: string
  /**
   * 'binary': of class 1 of two; 'macro': the mean over the classes that occur, in targets or predictions; 'micro': of all
   * rows together; 'none': of each class, an array. Default 'binary' for one output or two classes, 'macro' for more.
   */
  readonly average?: Average
  /** What `y` holds where there are two outputs or more: class numbers, or a probability of each class. Default 'classes'. */
  readonly labels?: 'classes' | 'probabilities'
  /** For one output a row: above it, the row is taken for class 1. Default 0, a probability of ½ for logits. */
  readonly threshold?: number
}

export type Average = 'binary' | 'macro' | 'micro' | 'none'

/** Weights of a class: right rows, rows taken for it, rows of it. */
interface ClassCount {
  readonly right: number
  readonly predicted: number
  readonly actual: number
}

/**
 * Of the rows taken for a class, the fraction that is of it: TP / (TP + FP), by weight; 0 where there are none. The class
 * of a row is that of its largest output, the first of equal ones; of one output a row, class 1 above `threshold`. A row
 * that holds NaN is taken for no class. Averages are scikit-learn's.
 *
 * Output: `[batch, classes]`, or `[batch, 1]`. Target: class numbers; numbers in 0 … 1 for one output a row; or, as `labels`
 * says, probabilities.
 *
 * @throws TypeError, RangeError for options; ShapeError, TypeError, RangeError during the run for what does not fit
 * @example await net.evaluate({ x, y }, { metrics: [precision(), recall(), f1({ average: 'macro' })] })
 */
export function precision(options?: ClassMetricOptions): Metric {
  return classMetric('precision', options, ({ right, predicted }) => ratio(right, predicted))
}

/**
 * Of the rows of a class, the fraction that is taken for it: TP / (TP + FN), by weight; 0 where there are none. Classes and
 * averages are as for `precision`.
 *
 * @throws as `precision` does
 * @example await net.evaluate({ x, y }, { metrics: [recall({ average: 'none' })] })
 */
export function recall(options?: ClassMetricOptions): Metric {
  return classMetric('recall', options, ({ right, actual }) => ratio(right, actual))
}

/**
 * The harmonic mean of precision and recall: 2·TP / (2·TP + FP + FN), by weight; 0 where there are none. Classes and averages
 * are as for `precision`: 'macro' is the mean of the classes' F1.
 *
 * @throws as `precision` does
 * @example await net.evaluate({ x, y }, { metrics: [f1()] })
 */
export function f1(options?: ClassMetricOptions): Metric {
  return classMetric('f1', options, ({ right, predicted, actual }) => ratio(2 * right, predicted + actual))
}

function classMetric(owner: string, options: ClassMetricOptions | undefined, of: (count: ClassCount) => number): Metric {
  const given = checkOptions(owner, options, ['name', 'average', 'labels', 'threshold'])
  const average =
    given.average === undefined ? undefined : choiceOption(owner, 'average', given.average, 'macro', ['binary', 'macro', 'micro', 'none'])
  const reading = readingOf(owner, given)
  return { name: nameOption(owner, given.name, owner), start: () => new ClassTally(reading, average, of) }
}

function readingOf(owner: string, { labels, threshold }: ClassMetricOptions): ClassReading {
  return { owner, labels: labelsOption(owner, labels), threshold: numberOption(owner, 'threshold', threshold, 0) }
}

class ClassTally implements MetricTally {
  readonly #reading: ClassReading
  readonly #average: Average | undefined
  readonly #of: (count: ClassCount) => number
  #right = new Float64Array(0)
  #predicted = new Float64Array(0)
  #actual = new Float64Array(0)

  constructor(reading: ClassReading, average: Average | undefined, of: (count: ClassCount) => number) {
    this.#reading = reading
    this.#average = average
    this.#of = of
  }

  update(batch: MetricBatch): void {
    if (this.#right.length === 0) this.#begin(classCount(this.#reading.owner, batch.outputShape))
    eachDecision(this.#reading, batch, (truth, predicted, weight) => {
      if (truth >= 0) this.#actual[truth]! += weight
      if (predicted >= 0) this.#predicted[predicted]! += weight
      if (truth >= 0 && truth === predicted) this.#right[truth]! += weight
    })
  }

  #begin(classes: number): void {
    const { owner } = this.#reading
    if (this.#average === 'binary' && classes !== 2)
      throw outOfRange(owner, "average 'macro', 'micro' or 'none' for more than two classes", this.#average)
    this.#right = new Float64Array(classes)
    this.#predicted = new Float64Array(classes)
    this.#actual = new Float64Array(classes)
  }

  result(): MetricValue {
    const counts = Array.from(this.#right, (right, c) => ({ right, predicted: this.#predicted[c]!, actual: this.#actual[c]! }))
    switch (this.#average ?? (counts.length === 2 ? 'binary' : 'macro')) {
      case 'binary':
        return counts[1] ? this.#of(counts[1]) : 0
      case 'micro':
        return this.#of(counts.reduce(together, { right: 0, predicted: 0, actual: 0 }))
      case 'none':
        return counts.map(this.#of)
      default: {
        const occurring = counts.filter(({ predicted, actual }) => predicted + actual > 0)
        return ratio(
          occurring.reduce((sum, count) => sum + this.#of(count), 0),
          occurring.length
        )
      }
    }
  }
}

function together(a: ClassCount, b: ClassCount): ClassCount {
  return { right: a.right + b.right, predicted: a.predicted + b.predicted, actual: a.actual + b.actual }
}

/**
 * Rows by class: element [i][j] is the weight of the rows of class i that are taken for class j. Classes are as for
 * `precision`. Without weights these are whole numbers.
 *
 * @throws as `precision` does; RangeError at the end where outputs held NaN, as such rows have no column
 * @example await net.evaluate({ x, y }, { metrics: [confusionMatrix()] })
 */
export function confusionMatrix(options?: Omit<ClassMetricOptions, 'average'>): Metric {
  const owner = 'confusionMatrix'
  const given = checkOptions(owner, options, ['name', 'labels', 'threshold'])
  const reading = readingOf(owner, given)
  return { name: nameOption(owner, given.name, owner), start: () => confusionTally(reading) }
}

function confusionTally(reading: ClassReading): MetricTally {
  let classes = 0
  let counts = new Float64Array(0)
  let lost = 0
  return {
    update(batch) {
      if (classes === 0) {
        classes = classCount(reading.owner, batch.outputShape)
        counts = new Float64Array(classes * classes)
      }
      eachDecision(reading, batch, (truth, predicted, weight) => {
        if (truth < 0 || predicted < 0) lost++
        else counts[truth * classes + predicted]! += weight
      })
    },
    result() {
      if (lost > 0)
        throw withCode(
          new RangeError(expectation(reading.owner, 'outputs that are numbers', `NaN in ${describe(lost)} rows`)),
          'EVENKEEL_RANGE'
        )
      return Array.from({ length: classes }, (_, c) => [...counts.subarray(c * classes, (c + 1) * classes)])
    }
  }
}
