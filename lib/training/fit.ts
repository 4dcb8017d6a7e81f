import { type BatchCut, cutBatches, type LastBatch, lastBatchChoices } from '../data/batches.js'
import { runCrossings } from '../data/crossings.js'
import type { Feed, FeedMemory } from '../data/feed.js'
import { epochOrder } from '../data/order.js'
import { finishPaced } from '../data/pace.js'
import { expectation, outOfRange, ShapeError, wrongKind } from '../errors.js'
import type { ModelState } from '../inference/model-state.js'
import { signalOption } from '../inference/predict.js'
import { booleanOption, checkOptions, choiceOption, integerOption, numberOption } from '../options.js'
import type { CrossingResult } from '../runtime/runtime.js'
import { type Callback, callbacksOption, type FitControl, withCallbacks } from './callbacks.js'
import { type DataSet, type Evaluation, evaluateRows, metricsOption, partOf, type Rows, readData, sourcesOf } from './evaluate.js'
import type { EpochRecord, History, StepRecord, ValidationKey } from './history.js'
import type { Metric } from './metrics.js'
import type { LossMeans, StepReports } from './step-reports.js'
import type { Trainer } from './trainer.js'
import type { TrainingState } from './training-state.js'

export interface FitOptions {
  /** How often the rows are gone through; default 1. */
  readonly epochs?: number
  /** Rows a batch at most; default 32. */
  readonly batchSize?: number
  /**
   * Batches that make one step, of at most batchSize · accumulate rows; default 1. The step is that of the large batch: so
   * are the statistics of batch normalization, and what dropout drops.
   */
  readonly accumulate?: number
  /** Whether each epoch has an order of its own, by the model's seed; default true. */
  readonly shuffle?: boolean
  /** What becomes of rows that do not fill a batch; default 'balance': batches differ by at most one row. */
  readonly lastBatch?: LastBatch
  /** Rows to evaluate after each epoch: a set, or the fraction of the training rows, from their end, that is held out. */
  readonly validation?: DataSet | number
  /** Of the validation; default those that fit the loss. */
  readonly metrics?: readonly Metric[]
  /** Ends the fit after the step on its way; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Called after each epoch and awaited. What it throws rejects the fit. */
  readonly onEpoch?: (record: EpochRecord) => unknown
  /** Called for each step in order, after the crossing that ran it, and awaited. */
  readonly onStep?: (record: StepRecord) => unknown
  /** Whether every step is a crossing of its own, so that `onStep` is called before the next; default false. */
  readonly everyStep?: boolean
  /** Called at the start, after steps and epochs, and at the end: `earlyStopping`, `reduceOnPlateau`, or your own. */
  readonly callbacks?: readonly Callback[]
}

const optionNames = [
  'epochs',
  'batchSize',
  'accumulate',
  'shuffle',
  'lastBatch',
  'validation',
  'metrics',
  'signal',
  'onEpoch',
  'onStep',
  'everyStep',
  'callbacks'
] as const

const notes = {
  validationData: 'Use validation: { x, y }',
  gradientAccumulationSteps: 'Use accumulate',
  accumulateGradBatches: 'Use accumulate',
  validationSplit: 'Use validation: 0.1, the fraction that is held out'
}

type Settings = Required<
  Pick<FitOptions, 'epochs' | 'batchSize' | 'accumulate' | 'shuffle' | 'lastBatch' | 'everyStep' | 'metrics' | 'callbacks'>
> &
  Pick<FitOptions, 'validation' | 'onEpoch' | 'onStep'> & { readonly signal: AbortSignal | undefined }

const owner = 'Trainer.fit'

export async function runFit(trainer: Trainer, state: TrainingState, data: DataSet, options: FitOptions | undefined): Promise<History> {
  const settings = readSettings(state, options)
  settings.signal?.throwIfAborted()
  const body = async () => {
    const { training, validation } = await readSets(state, data, settings)
    await state.model.settle(settings.signal)
    const control = fitControl(trainer, state.model, settings)
    const run = new Fit(state, settings, control, training, validation)
    await run.check()
    return await state.model.feeds.borrow((memories) => run.run(memories))
  }
  return await state.exclusively(owner, 'fit', () => withCallbacks(owner, settings.callbacks, body))
}

function readSettings(state: TrainingState, options: FitOptions | undefined): Settings {
  const given = checkOptions(owner, options, optionNames, notes)
  const { validation, onEpoch, onStep } = given
  if (typeof validation === 'number') numberOption(owner, 'validation', validation, 0, { above: 0, below: 1 })
  for (const [name, callback] of Object.entries({ onEpoch, onStep }))
    if (callback !== undefined && typeof callback !== 'function') throw wrongKind(owner, `${name} to be a function`, callback)
  return {
    epochs: integerOption(owner, 'epochs', given.epochs, 1, { atLeast: 1 }),
    batchSize: integerOption(owner, 'batchSize', given.batchSize, 32, { atLeast: 1 }),
    accumulate: integerOption(owner, 'accumulate', given.accumulate, 1, { atLeast: 1, atMost: 2 ** 20 }),
    shuffle: booleanOption(owner, 'shuffle', given.shuffle, true),
    lastBatch: choiceOption(owner, 'lastBatch', given.lastBatch, 'balance', lastBatchChoices),
    everyStep: booleanOption(owner, 'everyStep', given.everyStep, false),
    metrics: metricsOption(owner, given.metrics, state.loss),
    signal: signalOption(owner, given.signal),
    callbacks: callbacksOption(owner, given.callbacks),
    ...(validation === undefined ? {} : { validation }),
    ...(onEpoch === undefined ? {} : { onEpoch }),
    ...(onStep === undefined ? {} : { onStep })
  }
}

function fitControl(trainer: Trainer, model: ModelState, { epochs, validation }: Settings): FitControl {
  return {
    trainer,
    epochs,
    validates: validation !== undefined,
    stop: () => trainer.stop(),
    copyWeights: () => model.copyWeights(owner),
    restoreWeights: (weights) => model.restoreWeights(owner, weights)
  }
}

async function readSets(
  { model, loss }: TrainingState,
  data: DataSet,
  { validation, signal }: Settings
): Promise<{ training: Rows; validation: Rows | undefined }> {
  const all = await readData(model, owner, data, loss, signal)
  if (validation === undefined) return { training: all, validation: undefined }
  if (typeof validation !== 'number')
    return { training: all, validation: await readData(model, `${owner}, validation`, validation, loss, signal) }
  const held = Math.floor(all.rows * validation)
  const kept = all.rows - held
  if (held === 0 || kept === 0)
    throw new ShapeError(expectation(owner, `at least one row on each side of validation ${validation}`, `${all.rows} rows in all`), {
      expected: 2,
      actual: all.rows
    })
  return { training: partOf(all, 0, kept), validation: partOf(all, kept, held) }
}

/** One call of `fit`. */
class Fit {
  readonly #state: TrainingState
  readonly #settings: Settings
  readonly #control: FitControl
  readonly #training: Rows
  readonly #validation: Rows | undefined
  readonly #cut: BatchCut
  readonly #firstStep: number
  readonly #records: EpochRecord[] = []
  readonly #order: Int32Array | undefined
  /** What a schedule threw for the step after those of the crossing. */
  #slotError: { readonly error: unknown } | undefined
  #reports: StepReports | undefined
  /** Over the epoch's rows. */
  #losses: LossMeans | undefined
  /** Of the last step. */
  #learningRate = 0
  /** Steps left out, of the epoch and of the fit. */
  readonly #skipped = { epoch: 0, fit: 0 }

  constructor(state: TrainingState, settings: Settings, control: FitControl, training: Rows, validation: Rows | undefined) {
    this.#state = state
    this.#settings = settings
    this.#control = control
    this.#training = training
    this.#validation = validation
    this.#cut = cutBatches(training.rows, settings.batchSize * settings.accumulate, settings.lastBatch)
    this.#firstStep = state.steps
    if (settings.shuffle) this.#order = new Int32Array(training.rows)
  }

  /** Plans, and refuses what no step could take, before any runs. */
  async check(): Promise<void> {
    const cut = this.#cut
    const { batchSize, accumulate } = this.#settings
    const least = accumulate === 1 ? `batchSize = ${batchSize}` : `batchSize · accumulate = ${batchSize * accumulate}`
    if (cut.count === 0) throw outOfRange(owner, `at least ${least} rows with lastBatch 'drop'`, this.#training.rows)
    const planned = await this.#state.planAhead(owner, cut.largest)
    this.#reports = planned.reports
    const smallest = Math.min(cut.size(0), cut.size(cut.count - 1))
    const advice = cut.largest > smallest ? `. Use lastBatch: 'balance'` : '. Use a larger batchSize'
    this.#state.assertBatch(owner, smallest, planned, cut.rows < 2 ? '. Give more rows' : advice)
  }

  async run(memories: readonly [FeedMemory, FeedMemory]): Promise<History> {
    const { epochs, callbacks } = this.#settings
    for (const callback of callbacks) await callback.onFitStart?.(this.#control)
    for (let i = 0; i < epochs && !this.#state.stopping; i++) {
      const record = await this.#epoch(memories)
      if (!record) break
      this.#records.push(record)
      await this.#tellEpoch(record)
    }
    const { stopping: stopped, steps, skips } = this.#state
    const skipped = skips ? { skipped: this.#skipped.fit } : {}
    const history = { epochs: this.#records, steps: steps - this.#firstStep, ...skipped, stopped }
    for (const callback of callbacks) await callback.onFitEnd?.(history, this.#control)
    return history
  }

  async #tellEpoch(record: EpochRecord): Promise<void> {
    const { callbacks, onEpoch, signal } = this.#settings
    for (const callback of callbacks) await callback.onEpoch?.(record, this.#control)
    await onEpoch?.(record)
    for (const callback of callbacks) await callback.afterEpoch?.(record, this.#control)
    signal?.throwIfAborted()
  }

  /** undefined where it was stopped on the way. */
  async #epoch(memories: readonly [FeedMemory, FeedMemory]): Promise<EpochRecord | undefined> {
    const state = this.#state
    const { signal } = this.#settings
    const epoch = state.epochs
    const firstStep = state.steps
    const start = performance.now()
    if (this.#order) await finishPaced(epochOrder(this.#order, state.model.key, epoch), { signal })
    state.epochs++
    this.#losses = this.#reports!.means()
    this.#skipped.epoch = 0
    await this.#steps(memories, epoch)
    const steps = state.steps - firstStep
    if (steps < this.#cut.count) {
      if (!state.stopping) state.assertOpen(owner)
      return undefined
    }
    const seconds = (performance.now() - start) / 1000
    const { rows } = this.#cut
    const learningRate = this.#learningRate
    const skipped = state.skips ? { skipped: this.#skipped.epoch } : {}
    return {
      epoch,
      steps,
      ...skipped,
      ...this.#losses.result(),
      ...(await this.#validate()),
      learningRate,
      seconds,
      samplesPerSecond: rows / seconds
    }
  }

  async #steps(memories: readonly [FeedMemory, FeedMemory], epoch: number): Promise<void> {
    const state = this.#state
    const { model } = state
    const { signal, everyStep } = this.#settings
    const cut = this.#cut
    await runCrossings({
      owner,
      signal,
      memories,
      cut,
      runtime: model.runtime,
      gate: model.gate,
      clock: state.clock,
      running: [model.running, state.running],
      sources: sourcesOf(this.#training),
      outputs: [],
      order: this.#order,
      slots: state.slotNames.length,
      reports: this.#reports!.count,
      ...(everyStep ? { mostSteps: 1 } : {}),
      enter: () => model.takeSnapshots(),
      plan: () => state.plan(owner, cut.largest),
      ready: (feed) => this.#ready(feed),
      done: (feed, result) => this.#done(epoch, feed, result),
      refused: (feed, result) => this.#skip(epoch, feed, result),
      stopped: () => state.stopping
    })
  }

  /** Writes the slots; where a schedule throws, the steps before still run. */
  #ready(feed: Feed): number {
    const state = this.#state
    const { length } = state.slotNames
    for (let step = 0; step < feed.steps; step++)
      try {
        state.writeSlots(feed.slots, step * length, state.steps + step)
      } catch (error) {
        this.#slotError = { error }
        return step
      }
    return feed.steps
  }

  async #done(epoch: number, feed: Feed, result: CrossingResult): Promise<void> {
    const state = this.#state
    const first = state.steps
    for (let step = 0; step < result.completed; step++) this.#losses!.add(feed.results, step, this.#cut.size(feed.firstBatch + step))
    state.steps += result.completed
    if (result.completed > 0) this.#learningRate = this.#slot(feed, result.completed - 1, 'learningRate')
    if (!this.#settings.signal?.aborted) await this.#tell(epoch, first, feed, result.completed)
    if (result.status === 0 && this.#slotError) throw this.#slotError.error
  }

  /** Leaves the refused step out and tells it; throws where that may not be, or where it was the last of an epoch without any. */
  async #skip(epoch: number, feed: Feed, result: CrossingResult): Promise<void> {
    const state = this.#state
    const { steps: step } = state
    const { completed } = result
    const first = this.#cut.start(feed.firstBatch + completed)
    const sourceRow = (row: number): number => this.#order?.[first + row] ?? first + row
    const skipped = state.skipped(owner, result, sourcesOf(this.#training), sourceRow)
    this.#skipped.fit++
    if (++this.#skipped.epoch === this.#cut.count) throw skipped
    if (this.#settings.signal?.aborted) return
    const rows = this.#cut.size(feed.firstBatch + completed)
    const learningRate = this.#slot(feed, completed, 'learningRate')
    await this.#tellStep({ epoch, step, rows, loss: Number.NaN, learningRate, skipped })
  }

  async #tell(epoch: number, firstStep: number, feed: Feed, completed: number): Promise<void> {
    if (!this.#listens) return
    for (let step = 0; step < completed; step++)
      await this.#tellStep({
        epoch,
        step: firstStep + step,
        rows: this.#cut.size(feed.firstBatch + step),
        ...this.#reports!.read(feed.results, step),
        learningRate: this.#slot(feed, step, 'learningRate')
      })
  }

  /** Whether anybody wants to know of steps. */
  get #listens(): boolean {
    const { onStep, callbacks } = this.#settings
    return onStep !== undefined || callbacks.some((callback) => callback.onStep)
  }

  async #tellStep(record: StepRecord): Promise<void> {
    const { onStep, callbacks } = this.#settings
    for (const callback of callbacks) await callback.onStep?.(record, this.#control)
    await onStep?.(record)
  }

  #slot(feed: Feed, step: number, name: string): number {
    const { slotNames } = this.#state
    return feed.slots[step * slotNames.length + slotNames.indexOf(name)]!
  }

  async #validate(): Promise<Record<ValidationKey, number>> {
    if (!this.#validation) return {}
    const { metrics, signal } = this.#settings
    const { model, loss } = this.#state
    const results = await evaluateRows(model, { owner, ...this.#validation, loss, metrics, batchSize: 1024, signal })
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [validationKey(name), value!]))
  }
}

const validationKey = (name: keyof Evaluation & string): ValidationKey =>
  `validation${(name.charAt(0).toUpperCase() + name.slice(1)) as Capitalize<string>}`
