import { finishPaced } from '../data/pace.js'
import { describe, expectation, outOfRange, ShapeError, withCode } from '../errors.js'
import { checkOptions } from '../options.js'
import type { Sliced } from '../sliced.js'
import { nameOption } from './metric-options.js'
import type { Metric, MetricBatch, MetricTally } from './metrics.js'
import { type Ranked, ScoreStore } from './ranked-scores.js'

/** Groups of equal scores that one slice adds up. */
const sliceRows = 1 << 14

/**
 * The area under the receiver operating characteristic: the probability that a row of class 1 has a larger score than one
 * of class 0, equal scores counted half. That is Σᵢ Σⱼ wᵢ·wⱼ·([sᵢ > sⱼ] + ½[sᵢ = sⱼ]) / (Σwᵢ · Σwⱼ) over rows i of class 1 and j of
 * class 0 (Mann & Whitney 1947; Hanley & McNeil 1982), exact, by rank. Without weights its sums are whole numbers, so the
 * result is rounded once.
 *
 * Output: `[batch, 1]`, a score that rises with class 1: logits or probabilities alike; or `[batch, 2]`, where the score is
 * the second output less the first. Target: 0 and 1, one a row. A run keeps 12 bytes a row until it ends; the sort is
 * done in slices and holds no event loop.
 *
 * @throws TypeError for options. During the run ShapeError for other outputs, RangeError for other targets, a score that is
 * NaN, or rows of one class alone, for which the area is not defined
 * @example await net.evaluate({ x, y }, { loss: softmaxCrossEntropy(), metrics: [rocAuc()] })
 */
export function rocAuc(options?: { readonly name?: string }): Metric {
  const given = checkOptions('rocAuc', options, ['name'])
  return { name: nameOption('rocAuc', given.name, 'rocAuc'), start: () => new AucTally() }
}

class AucTally implements MetricTally {
  /** Values are the rows' weights, negative those of class 0. */
  readonly #scores = new ScoreStore()
  #rows = 0
  readonly #seen = [false, false]

  update({ rows, output, outputShape, target, sampleWeight }: MetricBatch): void {
    const columns = columnsOf(outputShape)
    if (target.length !== rows) throw outOfRange('rocAuc', 'targets 0 or 1, one a row', target)
    for (let row = 0; row < rows; row++) {
      const weight = sampleWeight ? sampleWeight[row]! : 1
      if (weight === 0) continue
      const label = target[row]!
      if (label !== 0 && label !== 1) throw outOfRange('rocAuc', 'targets 0 or 1', label)
      const score = columns === 1 ? output[row]! : output[2 * row + 1]! - output[2 * row]!
      if (Number.isNaN(score))
        throw withCode(new RangeError(expectation('rocAuc', 'scores that are numbers', `NaN in row ${this.#rows + row}`)), 'EVENKEEL_RANGE')
      this.#seen[label] = true
      this.#scores.add(score, label === 1 ? weight : -weight)
    }
    this.#rows += rows
  }

  async result(): Promise<number> {
    const missing = this.#seen.indexOf(false)
    if (missing >= 0)
      throw withCode(new RangeError(expectation('rocAuc', 'rows of both classes', `none of class ${missing}`)), 'EVENKEEL_RANGE')
    return await finishPaced(this.#area())
  }

  *#area(): Sliced<number> {
    const ranked = yield* this.#scores.ranked()
    const { count } = this.#scores
    const sums = { negatives: 0, positives: 0, wins: 0 }
    for (let row = 0; row < count; ) {
      const end = Math.min(count, row + sliceRows)
      while (row < end) row = addTies(ranked, row, count, sums)
      yield
    }
    return sums.wins / (sums.positives * sums.negatives)
  }
}

/** Adds the rows from `first` on whose scores are equal; returns the row behind them. */
function addTies(
  { low, high, values }: Ranked,
  first: number,
  count: number,
  sums: { negatives: number; positives: number; wins: number }
): number {
  let [negatives, positives, row] = [0, 0, first]
  for (; row < count && low[row] === low[first] && high[row] === high[first]; row++) {
    const value = values[row]!
    if (value < 0) negatives -= value
    else positives += value
  }
  sums.wins += positives * (sums.negatives + negatives / 2)
  sums.negatives += negatives
  sums.positives += positives
  return row
}

function columnsOf(outputShape: readonly number[]): number {
  const columns = outputShape.length === 1 ? outputShape[0]! : 0
  if (columns === 1 || columns === 2) return columns
  throw new ShapeError(`rocAuc: expected outputs of one score, or of two classes, got rows of shape ${describe([...outputShape])}`, {
    expected: '[1] or [2]',
    actual: outputShape
  })
}
