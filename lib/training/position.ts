import type { LastBatch } from '../data/batches.js'
import type { LossMeans } from './step-reports.js'

/** How an epoch's rows are cut into steps: what a fit that goes on in the middle of one must have as it was. */
export interface EpochCut {
  /** 0: not known before. */
  readonly rows: number
  /** Rows of the largest step. */
  readonly largest: number
  readonly lastBatch: LastBatch
  readonly shuffle: boolean
}

/** Where a fit stands in an epoch that it has begun; until its callbacks have heard of it. */
export interface Position {
  readonly cut: EpochCut
  /** Steps of the epoch that are done, those left out included. */
  batch: number
  skipped: number
  /** Of the last step. */
  learningRate: number
  losses: LossMeans | undefined
  /** Of a checkpoint: the sums of the losses until they are there. */
  readonly sums?: readonly number[]
}
