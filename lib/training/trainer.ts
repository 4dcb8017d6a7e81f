import { cutBatches } from '../data/batches.js'
import { runCrossings } from '../data/crossings.js'
import type { InputData } from '../data/rows.js'
import { type NonFiniteError, wrongKind } from '../errors.js'
import type { ModelState } from '../inference/model-state.js'
import { binding } from '../inference/predict.js'
import { expectSource } from '../io/paths.js'
import { checkOptions, expectPath, integerOption, numberOption, signalOption } from '../options.js'
import { finish } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.js'
import { type AnyData, type DataSet, type Rows, readData, readRows, sourcesOf } from './evaluate.js'
import type { AnyTrainingData, TrainingData } from './evaluate-data.js'
import { type FitOptions, runFit } from './fit.js'
import type { History } from './history.js'
import type { AnyInput, AnyOutput } from './model-types.js'
import type { SaveOptions } from './save-options.js'
import type { StepTold } from './step-reports.js'
import { type TrainerOptions, TrainingState } from './training-state.js'

export interface StepOptions {
  /** Parts that the rows are taken in where they do not depend on each other, for the memory of one; default 1. See `fit`. */
  readonly accumulate?: number
}

/** What a step gives. */
export interface StepResult {
  /** Mean over the batch, before the update. */
  readonly loss: number
  /** Of a model with names for its outputs: each output's own mean, without its weight in the sum. */
  readonly losses?: Readonly<Record<string, number>>
  /** Number of the step, counted from 0 over the life of the trainer. */
  readonly step: number
  /** √Σg² over all trained parameters, before it was clipped: where the optimizer has `clipNorm`. */
  readonly gradientNorm?: number
  /** With `onNonFinite: 'skip'`, why the step changed nothing; its loss is NaN then. */
  readonly skipped?: NonFiniteError
}

/**
 * Trains a model: one loss, one optimizer and its state. `net.trainer({ loss, optimizer })` makes one.
 *
 * A step is a transaction: where its data, loss or gradients are not finite, it throws and changes nothing.
 */
export class Trainer<X = InputData, Y = Tensor> {
  readonly #state: TrainingState

  /** @internal */
  constructor(model: ModelState, options: TrainerOptions<Y>) {
    this.#state = new TrainingState(model, options)
  }

  /** Steps done so far: the number of the next one. */
  get steps(): number {
    return this.#state.steps
  }

  /** Epochs that `fit` has begun so far: the number of the next one. */
  get epochs(): number {
    return this.#state.epochs
  }

  /** Rate of the next step: what the optimizer's schedule says, times `learningRateFactor`. */
  get learningRate(): number {
    return this.#state.learningRate
  }

  /**
   * What the schedule's rates are multiplied with, 1 at first; `reduceOnPlateau` lowers it. Set, it holds from the next
   * step on (during a fit, the next crossing) and for later fits.
   */
  get learningRateFactor(): number {
    return this.#state.learningRateFactor
  }

  set learningRateFactor(factor: number) {
    if (typeof factor !== 'number') throw wrongKind('Trainer.learningRateFactor', 'a finite number at least 0', factor)
    this.#state.learningRateFactor = numberOption('Trainer', 'learningRateFactor', factor, 1, { atLeast: 0 })
  }

  /**
   * One step on all rows of `x` and `y`, off the event loop.
   *
   * @throws BackendError `EVENKEEL_BUSY` while another step or fit of the model is on its way; ShapeError, TypeError,
   * RangeError for data that do not fit; NonFiniteError for NaN or infinity in data, loss or gradients
   */
  async step(data: DataSet<X, Y>, options?: StepOptions): Promise<StepResult> {
    const owner = 'Trainer.step'
    const accumulate = accumulateOption(owner, options)
    const state = this.#state
    return await state.exclusively(owner, 'step', async () => {
      const rows = await readData(state.model, owner, data as AnyData, state.objectives, undefined)
      await state.model.settle()
      return await runStep(state, owner, rows, partRows(rows.rows, accumulate))
    })
  }

  /** The same, now. Throws `EVENKEEL_BUSY` while anything of the model is on its way. */
  stepSync(data: DataSet<X, Y>, options?: StepOptions): StepResult {
    const owner = 'Trainer.stepSync'
    const accumulate = accumulateOption(owner, options)
    const state = this.#state
    const { model } = state
    state.assertOpen(owner)
    model.gate.assertIdle(owner)
    const given = finish(readRows(model, owner, data as AnyData, state.objectives))
    model.settleSync()
    const planned = finish(state.plan(owner, given.rows, given.weights !== undefined, partRows(given.rows, accumulate)))
    state.assertBatch(owner, given.rows, planned, batchAdvice)
    const slots = new Float64Array(state.slotNames.length)
    state.writeSlots(slots, 0, state.steps)
    model.takeSnapshotsSync()
    const sources = sourcesOf(given)
    const results = new Float64Array(planned.reports.count)
    const result = planned.executor.runSync({
      steps: 1,
      symbols: Float64Array.of(given.rows),
      slots,
      inputs: sources.map(binding),
      outputs: [],
      results
    })
    state.position = undefined
    const step = state.steps
    if (result.status !== 0) return { loss: Number.NaN, step, skipped: state.skipped(owner, result, { sources, at: (row) => row }) }
    return { ...planned.reports.read(results, 0), step: state.steps++ }
  }

  /**
   * Trains for some epochs, off the event loop, as many steps a crossing as fit in about 5 ms.
   *
   * Rows are cut into batches of `batchSize`, in an order that follows from the model's seed and the number of the
   * epoch. A second `fit` continues the count of steps and epochs.
   *
   * @returns a record for each epoch
   * @throws as `step` does; the signal's reason where it is aborted; what a callback throws. The model then has the
   * state of the last step that was completed
   * @example
   * const history = await trainer.fit({ x, y }, { epochs: 10, batchSize: 128, validation: 0.1 })
   */
  async fit(data: TrainingData<X, Y>, options?: FitOptions<X, Y>): Promise<History> {
    return await runFit(this as AnyTrainer, this.#state, data as AnyTrainingData, options)
  }

  /**
   * Writes all that training needs to go on as if it had never stopped: parameters, buffers and what is frozen, the
   * optimizer's state, the number of the step, the epoch and the place in it, the factor of the learning rate, the seed,
   * and what the fit's callbacks remember. It is a model file too, which `loadModel` reads.
   *
   * Its name holds the new bytes only when they are whole. During a fit they are of one completed step; training goes on
   * while they are written. In a callback: after `onEpoch` of all others, so in `afterEpoch` or the fit's own `onEpoch`.
   *
   * @throws the system's error where it cannot be written (ENOSPC, EACCES, …), TypeError for a path that is no file's, the
   * signal's reason: whatever the path held before is untouched then
   * @example
   * await trainer.saveCheckpoint('run.safetensors')
   * await trainer.loadCheckpoint('run.safetensors')
   */
  async saveCheckpoint(path: string | URL, options?: SaveOptions): Promise<void> {
    const owner = 'Trainer.saveCheckpoint'
    const signal = signalOption(owner, checkOptions(owner, options, ['signal']).signal)
    const target = expectPath(owner, path)
    this.#state.assertOpen(owner)
    signal?.throwIfAborted()
    await writeCheckpoint(owner, this.#state, target, signal)
  }

  /**
   * Goes back to what `saveCheckpoint` wrote, from its path or its bytes; `fit` with `resume: true` then goes on in the
   * middle of the epoch. The model must have the same layers, the trainer the same kind of optimizer; its options may be
   * others. The model takes over the checkpoint's seed and what was frozen.
   *
   * @throws FileFormatError for a file that is no checkpoint of such a model and trainer, which changes nothing; the
   * system's error where it cannot be read; BackendError `EVENKEEL_BUSY` during training
   */
  async loadCheckpoint(source: string | URL | Uint8Array, options?: SaveOptions): Promise<void> {
    const owner = 'Trainer.loadCheckpoint'
    const signal = signalOption(owner, checkOptions(owner, options, ['signal']).signal)
    const from = expectSource(owner, source)
    await this.#state.exclusively(owner, 'loadCheckpoint', () => readCheckpoint(owner, this.#state, from, signal))
  }

  /** Ends the fit on its way after the step that is running; its history says `stopped`. Nothing happens where there is none. */
  stop(): void {
    this.#state.stop()
  }

  /** Lets go of the optimizer's state. A run on its way ends after its step and rejects. */
  dispose(): void {
    this.#state.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Waits for the run on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
    await this.#state.model.gate.idle()
  }
}

/** A trainer of any model. */
export type AnyTrainer = Trainer<AnyInput, AnyOutput>

const batchAdvice = '. Give more rows at a time'

function accumulateOption(owner: string, options: StepOptions | undefined): number {
  return integerOption(owner, 'accumulate', checkOptions(owner, options, ['accumulate']).accumulate, 1, { atLeast: 1, atMost: 2 ** 20 })
}

/** Rows of one of `accumulate` parts, undefined where there is one. */
function partRows(rows: number, accumulate: number): number | undefined {
  const part = Math.max(1, Math.ceil(rows / accumulate))
  return part < rows ? part : undefined
}

async function runStep(state: TrainingState, owner: string, given: Rows, microBatch: number | undefined): Promise<StepResult> {
  const { model } = state
  const { rows } = given
  const weighted = given.weights !== undefined
  const sources = sourcesOf(given)
  const planned = await state.planAhead(owner, rows, weighted, microBatch)
  state.assertBatch(owner, rows, planned, batchAdvice)
  const step = state.steps
  let told: StepTold = { loss: Number.NaN }
  let skipped: NonFiniteError | undefined
  await model.feeds.borrow(async (memories) =>
    runCrossings({
      owner,
      memories,
      cut: cutBatches(rows, rows, 'keep'),
      runtime: model.runtime,
      gate: model.gate,
      clock: state.clock,
      running: [model.running, state.running],
      sources,
      outputs: [],
      slots: state.slotNames.length,
      reports: planned.reports.count,
      enter: () => model.takeSnapshots(),
      plan: () => state.plan(owner, rows, weighted, microBatch),
      ready: (feed) => {
        state.writeSlots(feed.slots, 0, step)
        return 1
      },
      ran: (_feed, { completed }) => {
        state.steps += completed
        state.position = undefined
      },
      done: (feed, result) => {
        if (result.status !== 0) skipped = state.skipped(owner, result, { sources, at: (row) => row })
        if (result.completed === 0) return
        told = planned.reports.read(feed.results, 0)
      }
    })
  )
  state.assertOpen(owner)
  return { ...told, step, ...(skipped ? { skipped } : {}) }
}
