import type { NonFiniteError } from '../errors.js'
import type { MetricValue } from './metrics.js'

/** `validationAccuracy` for the metric `accuracy`. */
export type ValidationKey = `validation${Capitalize<string>}`

/** What `fit` tells of an epoch. */
export interface EpochRecord {
  /** Counted from 0 over the life of the trainer. */
  readonly epoch: number
  /** Steps of this epoch, skipped ones included. */
  readonly steps: number
  /** With `onNonFinite: 'skip'`, how many were skipped. */
  readonly skipped?: number
  /** Mean over the epoch's rows, those of skipped steps left out, each as it was when its step ran: with dropout, and before the step's update. */
  readonly loss: number
  /** Of a model with names for its outputs: each output's own mean, without its weight in the sum. */
  readonly losses?: Readonly<Record<string, number>>
  /** Mean over the validation rows, in inference mode, after the epoch. */
  readonly validationLoss?: number
  /** Of its last step. */
  readonly learningRate: number
  /** Of the training steps; validation not included. */
  readonly seconds: number
  readonly samplesPerSecond: number
  /** `validationAccuracy` and other metrics; of a model with names for its outputs `validationPrice.loss`, `validationPrice.mae`. */
  readonly [validation: ValidationKey]: MetricValue | undefined
}

/** What `fit` tells of a step. */
export interface StepRecord {
  readonly epoch: number
  /** Counted from 0 over the life of the trainer. */
  readonly step: number
  readonly rows: number
  /** Mean over the rows, before the step's update. */
  readonly loss: number
  /** As the epoch's. */
  readonly losses?: Readonly<Record<string, number>>
  readonly learningRate: number
  /** √Σg² over all trained parameters, before it was clipped: where the optimizer has `clipNorm`. */
  readonly gradientNorm?: number
  /** With `onNonFinite: 'skip'`, why the step changed nothing; its loss is NaN then. */
  readonly skipped?: NonFiniteError
}

export interface History {
  /** Complete epochs, in order. */
  readonly epochs: readonly EpochRecord[]
  /** Steps of this fit, those of an incomplete epoch and skipped ones included. */
  readonly steps: number
  /** With `onNonFinite: 'skip'`, how many were skipped. */
  readonly skipped?: number
  /** Whether `trainer.stop()` or a callback ended it. */
  readonly stopped: boolean
}
