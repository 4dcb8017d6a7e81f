import { wrongKind } from '../errors.js'
import { checkOptions } from '../options.js'
import { ratio } from './decisions.js'
import { nameOption } from './metric-options.js'
import type { Metric, MetricBatch, MetricTally } from './metrics.js'

export interface ValueMetricOptions {
  /** Key of the result; default the metric's own name. */
  readonly name?: string
}

/**
 * Mean absolute error: Σ wᵣ·|output − y| / Σ wᵣ of each column, and the mean over the columns. NaN where an output is.
 *
 * Output and target: values of one shape, `[batch, ...]`; a column is one place in it. Sums are float64, in the order of
 * the rows.
 *
 * @throws TypeError for options, and for targets of another number than outputs
 * @example mae()
 */
export function mae(options?: ValueMetricOptions): Metric {
  return valueMetric('mae', options, (columns) => {
    const sums = new Float64Array(columns)
    return {
      add(column, difference, _target, weight) {
        sums[column]! += weight * Math.abs(difference)
      },
      result: (column, total) => ratio(sums[column]!, total)
    }
  })
}

/**
 * Root mean squared error: √(Σ wᵣ·(output − y)² / Σ wᵣ) of each column, and the mean over the columns (scikit-learn's
 * definition; for one column it is the usual one). NaN where an output is. Output and target are as for `mae`.
 *
 * @throws as `mae` does
 * @example rmse()
 */
export function rmse(options?: ValueMetricOptions): Metric {
  return valueMetric('rmse', options, (columns) => {
    const sums = new Float64Array(columns)
    return {
      add(column, difference, _target, weight) {
        sums[column]! += weight * difference * difference
      },
      result: (column, total) => Math.sqrt(ratio(sums[column]!, total))
    }
  })
}

/**
 * Coefficient of determination: 1 − Σ wᵣ·(output − y)² / Σ wᵣ·(y − ȳ)² of each column, and the mean over the columns. For a column
 * of equal targets it is 1 where all outputs are right and 0 elsewhere (scikit-learn's rule). NaN where an output is.
 * Output and target are as for `mae`; the targets' variance is gathered by West's update (1979).
 *
 * @throws as `mae` does
 * @example r2()
 */
export function r2(options?: ValueMetricOptions): Metric {
  return valueMetric('r2', options, (columns) => {
    const errors = new Float64Array(columns)
    const weights = new Float64Array(columns)
    const means = new Float64Array(columns)
    const deviations = new Float64Array(columns)
    return {
      add(column, difference, target, weight) {
        errors[column]! += weight * difference * difference
        const total = (weights[column]! += weight)
        const step = target - means[column]!
        means[column]! += (step * weight) / total
        deviations[column]! += weight * step * (target - means[column]!)
      },
      result(column) {
        if (deviations[column] !== 0) return 1 - errors[column]! / deviations[column]!
        return weights[column]! > 0 && errors[column] === 0 ? 1 : 0 * errors[column]!
      }
    }
  })
}

/** Sums of one metric, by column. */
interface ColumnSums {
  add(column: number, difference: number, target: number, weight: number): void
  result(column: number, totalWeight: number): number
}

function valueMetric(owner: string, options: ValueMetricOptions | undefined, start: (columns: number) => ColumnSums): Metric {
  const { name } = checkOptions(owner, options, ['name'])
  return { name: nameOption(owner, name, owner), start: () => valueTally(owner, start) }
}

function valueTally(owner: string, start: (columns: number) => ColumnSums): MetricTally {
  let sums: ColumnSums | undefined
  let columns = 0
  let total = 0
  return {
    update({ rows, output, target, sampleWeight }: MetricBatch) {
      if (target.length !== output.length) throw wrongKind(owner, `${output.length} targets for ${output.length} outputs`, target)
      if (rows === 0) return
      columns = output.length / rows
      sums ??= start(columns)
      for (let row = 0; row < rows; row++) {
        const weight = sampleWeight ? sampleWeight[row]! : 1
        if (weight === 0) continue
        total += weight
        for (let column = 0; column < columns; column++) {
          const i = row * columns + column
          sums.add(column, output[i]! - target[i]!, target[i]!, weight)
        }
      }
    },
    result() {
      let sum = 0
      for (let column = 0; column < columns; column++) sum += sums!.result(column, total)
      return ratio(sum, columns)
    }
  }
}
