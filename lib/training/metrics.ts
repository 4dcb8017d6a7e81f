import type { StaticShape } from '../shape.js'

export { type AccuracyOptions, accuracy, type BinaryAccuracyOptions, binaryAccuracy, type TopKOptions, topKAccuracy } from './accuracy.js'
export { type Average, type ClassMetricOptions, confusionMatrix, f1, precision, recall } from './class-metrics.js'
export { rocAuc } from './roc-auc.js'
export { mae, r2, rmse, type ValueMetricOptions } from './value-metrics.js'

/** What `evaluate` and validation can measure besides the loss. Holds no state: each run asks for its own tally. */
export interface Metric {
  /** Key of the result: `accuracy`. */
  readonly name: string
  start(): MetricTally
}

/** What a metric comes to: a number, one a class, or a matrix. */
export type MetricValue = number | readonly number[] | readonly (readonly number[])[]

/** Gathers one run over the data, batch by batch of any sizes. */
export interface MetricTally {
  /** Called in the order of the rows. The arrays are only lent: they change after the call. */
  update(batch: MetricBatch): void
  /** After the last row. Long work is a promise, and lets the event loop turn. */
  result(): MetricValue | Promise<MetricValue>
}

export interface MetricBatch {
  readonly rows: number
  /** rows × outputShape, row after row. */
  readonly output: Float32Array
  /** Without the batch dimension. */
  readonly outputShape: StaticShape
  /** Int32Array: a class number a row. Float32Array: values of the output's shape. */
  readonly target: Int32Array | Float32Array
  /** What each row counts for, 0 for rows that the loss ignores; omitted: 1. A row of weight 0 may hold anything. */
  readonly sampleWeight?: Float32Array
}
