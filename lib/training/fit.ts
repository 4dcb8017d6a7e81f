import { type LastBatch, lastBatchChoices } from '../data/batches.js'
import { runCrossings } from '../data/crossings.js'
import { type Dataset, isDataset } from '../data/dataset.js'
import type { Feed, FeedMemory } from '../data/feed.js'
import { RowDataset } from '../data/row-dataset.js'
import type { InputData } from '../data/rows.js'
import { expectation, ShapeError, withCode, wrongKind } from '../errors.js'
import type { ModelState } from '../inference/model-state.js'
import { booleanOption, checkOptions, choiceOption, integerOption, isPath, numberOption, signalOption } from '../options.js'
import type { CrossingResult } from '../runtime/runtime.js'
import type { Tensor } from '../tensor.js'
import { type Asked, askedOf } from './by-output.js'
import { type Callback, callbacksOption, type FitControl, restoreCallbacks, withCallbacks } from './callbacks.js'
import { readCheckpoint } from './checkpoint-file.js'
import { type AnyData, type Evaluation, partOf, type Rows, readData, sourcesOf } from './evaluate.js'
import { type AnyTrainingData, dataOf, evaluateData, type TrainingData } from './evaluate-data.js'
import { DatasetPieces, type FitPiece, type FitPieces, RowsPieces, smallestBatch } from './fit-pieces.js'
import type { EpochRecord, History, StepRecord, ValidationKey } from './history.js'
import type { MetricValue } from './metrics.js'
import type { AnyInput, AnyOutput, GivenMetrics } from './model-types.js'
import type { EpochCut, Position } from './position.js'
import type { StepReports } from './step-reports.js'
import type { AnyTrainer } from './trainer.js'
import type { TrainingState } from './training-state.js'

export interface FitOptions<X = InputData, Y = Tensor> {
  /** How often the rows are gone through; default 1. */
  readonly epochs?: number
  /** Rows a batch at most; default 32. */
  readonly batchSize?: number
  /**
   * Batches that make one step, of at most batchSize · accumulate rows; default 1. The step is that of the large batch: so
   * are the statistics of batch normalization, and what dropout drops.
   */
  readonly accumulate?: number
  /** Whether each epoch has an order of its own, by the model's seed; default true. A dataset has `shuffle` for it. */
  readonly shuffle?: boolean
  /** What becomes of rows that do not fill a batch; default 'balance': batches differ by at most one row. */
  readonly lastBatch?: LastBatch
  /**
   * Rows to evaluate after each epoch: a set, a dataset, or the fraction of the training rows that is held out: from
   * their end, or as `split` does it for a dataset.
   */
  readonly validation?: TrainingData<X, Y> | number
  /** Of the validation; default those that fit the loss. By output too; an array is for every output that has a loss. */
  readonly metrics?: GivenMetrics<Y>
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
  /**
   * Goes on where an earlier fit stopped, in the middle of an epoch if need be; `epochs` then counts the whole. A path:
   * from the checkpoint there, or from the start where there is none, so that the same program can be run again. `true`:
   * from what `loadCheckpoint` brought, or from where this trainer stopped. Default false.
   */
  readonly resume?: boolean | string | URL
}

/** Of a model whatever it takes and gives. */
export type AnyFitOptions = FitOptions<AnyInput, AnyOutput>

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
  'callbacks',
  'resume'
] as const

const notes = {
  validationData: 'Use validation: { x, y }',
  gradientAccumulationSteps: 'Use accumulate',
  accumulateGradBatches: 'Use accumulate',
  validationSplit: 'Use validation: 0.1, the fraction that is held out'
}

type Settings = Required<Pick<FitOptions, 'epochs' | 'batchSize' | 'accumulate' | 'shuffle' | 'lastBatch' | 'everyStep' | 'callbacks'>> &
  Pick<AnyFitOptions, 'validation' | 'onEpoch' | 'onStep'> & {
    /** Of the validation. */
    readonly asked: readonly Asked[]
    readonly resume: boolean | string | URL
    readonly signal: AbortSignal | undefined
  }

const owner = 'Trainer.fit'

export async function runFit(
  trainer: AnyTrainer,
  state: TrainingState,
  data: AnyTrainingData,
  options: AnyFitOptions | undefined
): Promise<History> {
  const settings = readSettings(state, options)
  settings.signal?.throwIfAborted()
  const body = async () => {
    const read = await readSets(state, dataOf(owner, state.model, data), settings)
    if (typeof settings.resume !== 'boolean') await resumeFrom(state, settings.resume, settings.signal)
    const sets = splitDataset(read, settings, state.model)
    await state.model.settle(settings.signal)
    const control = fitControl(trainer, state.model, settings)
    const run = new Fit(state, settings, control, sets)
    await run.check()
    return await state.model.feeds.borrow((memories) => run.run(memories))
  }
  return await state.exclusively(owner, 'fit', () => withCallbacks(owner, settings.callbacks, body))
}

function readSettings(state: TrainingState, options: AnyFitOptions | undefined): Settings {
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
    asked: askedOf(owner, state.model.description, { ...state, metrics: given.metrics }),
    signal: signalOption(owner, given.signal),
    callbacks: callbacksOption(owner, given.callbacks),
    resume: resumeOption(given.resume),
    ...(validation === undefined ? {} : { validation }),
    ...(onEpoch === undefined ? {} : { onEpoch }),
    ...(onStep === undefined ? {} : { onStep })
  }
}

function resumeOption(value: unknown = false): boolean | string | URL {
  if (typeof value === 'boolean' || isPath(value)) return value
  throw wrongKind(owner, 'resume to be a path, true or false', value)
}

/** From the checkpoint, where there is one. */
async function resumeFrom(state: TrainingState, path: string | URL, signal: AbortSignal | undefined): Promise<void> {
  try {
    await readCheckpoint(owner, state, path, signal)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
  }
}

function fitControl(trainer: AnyTrainer, model: ModelState, { epochs, validation }: Settings): FitControl {
  return {
    trainer,
    epochs,
    validates: validation !== undefined,
    stop: () => trainer.stop(),
    copyWeights: () => model.copyWeights(owner),
    restoreWeights: (weights) => model.restoreWeights(owner, weights)
  }
}

interface Sets {
  readonly training: Rows | Dataset
  readonly validation: Rows | Dataset | undefined
}

async function readSets(state: TrainingState, data: AnyData | Dataset, { validation, signal }: Settings): Promise<Sets> {
  const { model, objectives } = state
  const read = async (what: string, given: AnyData | Dataset) =>
    isDataset(given) ? given : await readData(model, what, given, objectives, signal)
  const training = await read(owner, data)
  if (validation === undefined) return { training, validation }
  if (typeof validation !== 'number')
    return { training, validation: await read(`${owner}, validation`, dataOf(`${owner}, validation`, model, validation)) }
  if (!isDataset(training)) return heldOut(training, validation)
  if (training instanceof RowDataset) return { training, validation: undefined }
  throw wrongKind(owner, 'validation to be data where the rows come from a dataset of your own', validation, 'Or make it by datasetFrom')
}

function heldOut(all: Rows, validation: number): Sets {
  const held = Math.floor(all.rows * validation)
  const kept = all.rows - held
  if (held === 0 || kept === 0)
    throw new ShapeError(expectation(owner, `at least one row on each side of validation ${validation}`, `${all.rows} rows in all`), {
      expected: 2,
      actual: all.rows
    })
  return { training: partOf(all, 0, kept), validation: partOf(all, kept, held) }
}

/** Splits a dataset where a fraction of it is to be held out: by the seed, which may be a checkpoint's. */
function splitDataset(read: Sets, { validation }: Settings, { seed }: ModelState): Sets {
  const { training } = read
  if (typeof validation !== 'number' || !(training instanceof RowDataset)) return read
  return training.split({ validation, seed: seed.seedValue })
}

/** One call of `fit`. */
class Fit {
  readonly #state: TrainingState
  readonly #settings: Settings
  readonly #control: FitControl
  readonly #training: FitPieces
  readonly #validation: Rows | Dataset | undefined
  readonly #firstStep: number
  readonly #records: EpochRecord[] = []
  /** The rows on their way through the steps. */
  #piece: FitPiece | undefined
  /** What a schedule threw for the step after those of the crossing. */
  #slotError: { readonly error: unknown } | undefined
  #reports: StepReports | undefined
  /** Steps left out, and why the last was. */
  #skipped = 0
  #lastSkipped: Error | undefined

  constructor(state: TrainingState, settings: Settings, control: FitControl, { training, validation }: Sets) {
    this.#state = state
    this.#settings = settings
    this.#control = control
    const pieces = { ...settings, stepRows: settings.batchSize * settings.accumulate }
    this.#training = isDataset(training) ? new DatasetPieces(state, training, pieces) : new RowsPieces(state, training, pieces)
    this.#validation = validation
    this.#firstStep = state.steps
  }

  /** Rows that go through together, where a step may take its batches one after the other. */
  get #microBatch(): number | undefined {
    const { batchSize, accumulate } = this.#settings
    return accumulate > 1 && batchSize < this.#training.largest ? batchSize : undefined
  }

  /** Plans, and refuses what no step could take, before any runs. */
  async check(): Promise<void> {
    const { largest, smallest, weighted } = this.#training
    const planned = await this.#state.planAhead(owner, largest, weighted, this.#microBatch)
    this.#reports = planned.reports
    this.#assertBatch(smallest, planned)
  }

  #assertBatch(smallest: number, planned: Parameters<TrainingState['assertBatch']>[2]): void {
    const advice = this.#training.largest > smallest ? `. Use lastBatch: 'balance'` : '. Use a larger batchSize'
    this.#state.assertBatch(owner, smallest, planned, this.#training.rows < 2 ? '. Give more rows' : advice)
  }

  async run(memories: readonly [FeedMemory, FeedMemory]): Promise<History> {
    const { epochs, callbacks, resume } = this.#settings
    const state = this.#state
    if (resume === false) state.position = undefined
    else this.#checkPosition()
    const remembered = state.takeCallbackStates()
    state.callbacks = callbacks
    for (const callback of callbacks) await callback.onFitStart?.(this.#control)
    if (resume !== false) restoreCallbacks(callbacks, remembered)
    const last = resume === false ? state.epochs + epochs : epochs
    while ((state.position ? state.epochs - 1 : state.epochs) < last && !state.stopping) {
      const record = await this.#epoch(memories)
      if (!record) break
      this.#records.push(record)
      await this.#tellEpoch(record)
    }
    const { stopping: stopped, steps, skips } = state
    const skipped = skips ? { skipped: this.#skipped } : {}
    const history = { epochs: this.#records, steps: steps - this.#firstStep, ...skipped, stopped }
    for (const callback of callbacks) await callback.onFitEnd?.(history, this.#control)
    return history
  }

  async #tellEpoch(record: EpochRecord): Promise<void> {
    const { callbacks, onEpoch, signal } = this.#settings
    for (const callback of callbacks) await callback.onEpoch?.(record, this.#control)
    // The epoch is over: a checkpoint from here on begins with the next.
    this.#state.position = undefined
    await onEpoch?.(record)
    for (const callback of callbacks) await callback.afterEpoch?.(record, this.#control)
    signal?.throwIfAborted()
  }

  /** undefined where it was stopped on the way. */
  async #epoch(memories: readonly [FeedMemory, FeedMemory]): Promise<EpochRecord | undefined> {
    const state = this.#state
    const start = performance.now()
    const resumed = state.position
    if (!resumed) state.epochs++
    const losses = this.#reports!.means(resumed?.sums ?? resumed?.losses?.sums)
    const position: Position = resumed ?? { cut: this.#epochCut, batch: 0, skipped: 0, learningRate: 0, losses }
    position.losses = losses
    state.position = position
    const rows = await this.#pieces(memories, state.epochs - 1, position)
    if (rows === undefined) {
      if (!state.stopping) state.assertOpen(owner)
      return undefined
    }
    const seconds = (performance.now() - start) / 1000
    return {
      epoch: state.epochs - 1,
      steps: position.batch,
      ...(state.skips ? { skipped: position.skipped } : {}),
      ...losses.result(),
      ...(await this.#validate()),
      learningRate: position.learningRate,
      seconds,
      samplesPerSecond: rows / seconds
    }
  }

  get #epochCut(): EpochCut {
    const { rows, largest } = this.#training
    const { lastBatch, shuffle } = this.#settings
    return { rows: Number.isFinite(rows) ? rows : 0, largest, lastBatch, shuffle }
  }

  /** In the middle of an epoch the data and how they are cut must be as they were. */
  #checkPosition(): void {
    const was = this.#state.position?.cut
    const { rows, largest, lastBatch, shuffle } = this.#epochCut
    if (!was || (was.rows === rows && was.largest === largest && was.lastBatch === lastBatch && was.shuffle === shuffle)) return
    const describe = (cut: EpochCut): string =>
      `${cut.rows} rows in steps of at most ${cut.largest}, lastBatch '${cut.lastBatch}', shuffle ${cut.shuffle}`
    throw withCode(
      new RangeError(expectation(owner, `data and batches as in the epoch to go on with, ${describe(was)}`, describe(this.#epochCut))),
      'EVENKEEL_CHECKPOINT'
    )
  }

  /** How many rows of the epoch were trained on here, undefined where it was stopped on the way. */
  async #pieces(memories: readonly [FeedMemory, FeedMemory], epoch: number, position: Position): Promise<number | undefined> {
    const pieces = await this.#training.epoch(epoch)
    let [rows, through] = [0, 0]
    try {
      for (let piece = await pieces.next(); piece; piece = await pieces.next()) {
        const { cut } = piece
        // Those before the place to go on from are read and left.
        const first = Math.min(cut.count, Math.max(0, position.batch - through))
        through += cut.count
        if (first === cut.count) continue
        this.#piece = piece
        if (this.#training.unchecked) await this.#checkPiece(piece, position)
        await this.#steps(piece, memories, { epoch, position, first })
        if (position.batch < through) return undefined
        rows += cut.rows - cut.start(first)
      }
    } finally {
      pieces.close()
    }
    if (!pieces.complete) return undefined
    if (position.batch === 0) throw new ShapeError(expectation(owner, 'at least one row', 'none'), { expected: 1, actual: 0 })
    if (this.#lastSkipped && position.skipped === position.batch) throw this.#lastSkipped
    return rows
  }

  /** Of a dataset a batch may be small, and have weights. */
  async #checkPiece({ cut, rows }: FitPiece, position: Position): Promise<void> {
    const planned = await this.#state.planAhead(owner, cut.largest, rows.weights !== undefined, this.#microBatch)
    this.#reports = planned.reports
    planned.reports.continue(position.losses!)
    this.#assertBatch(smallestBatch(cut), planned)
  }

  async #steps(
    { cut, rows, order }: FitPiece,
    memories: readonly [FeedMemory, FeedMemory],
    { epoch, position, first }: { readonly epoch: number; readonly position: Position; readonly first: number }
  ): Promise<void> {
    const state = this.#state
    const { model } = state
    const { signal, everyStep } = this.#settings
    await runCrossings({
      owner,
      signal,
      memories,
      cut,
      runtime: model.runtime,
      gate: model.gate,
      clock: state.clock,
      running: [model.running, state.running],
      sources: sourcesOf(rows),
      outputs: [],
      first,
      order,
      slots: state.slotNames.length,
      reports: this.#reports!.count,
      mostSteps: everyStep ? 1 : undefined,
      enter: () => model.takeSnapshots(),
      plan: () => state.plan(owner, cut.largest, rows.weights !== undefined, this.#microBatch),
      ready: (feed) => this.#ready(feed),
      ran: (feed, result) => this.#count(feed, result, position),
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

  #count(feed: Feed, { completed }: CrossingResult, position: Position): void {
    for (let step = 0; step < completed; step++) position.losses!.add(feed.results, step, this.#piece!.cut.size(feed.firstBatch + step))
    this.#state.steps += completed
    position.batch += completed
    if (completed > 0) position.learningRate = this.#slot(feed, completed - 1, 'learningRate')
  }

  /** A promise only where somebody listens. */
  #done(epoch: number, feed: Feed, result: CrossingResult): void | Promise<void> {
    if (this.#listens && !this.#settings.signal?.aborted) return this.#tellSteps(epoch, feed, result)
    if (result.status === 0 && this.#slotError) throw this.#slotError.error
  }

  /** Leaves the refused step out and tells it; throws where that may not be. */
  async #skip(epoch: number, feed: Feed, result: CrossingResult): Promise<void> {
    const state = this.#state
    const { steps: step } = state
    const { completed } = result
    const { cut, rows: given, order, number } = this.#piece!
    const first = cut.start(feed.firstBatch + completed)
    const at = (row: number): number => order?.[first + row] ?? first + row
    const skipped = state.skipped(owner, result, { sources: sourcesOf(given), at, number })
    const position = state.position!
    position.batch++
    position.skipped++
    this.#skipped++
    this.#lastSkipped = skipped
    if (this.#settings.signal?.aborted) return
    const rows = cut.size(feed.firstBatch + completed)
    const learningRate = this.#slot(feed, completed, 'learningRate')
    await this.#tellStep({ epoch, step, rows, loss: Number.NaN, learningRate, skipped })
  }

  async #tellSteps(epoch: number, feed: Feed, { completed, status }: CrossingResult): Promise<void> {
    const first = this.#state.steps - completed
    for (let step = 0; step < completed; step++)
      await this.#tellStep({
        epoch,
        step: first + step,
        rows: this.#piece!.cut.size(feed.firstBatch + step),
        ...this.#reports!.read(feed.results, step),
        learningRate: this.#slot(feed, step, 'learningRate')
      })
    if (status === 0 && this.#slotError) throw this.#slotError.error
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

  async #validate(): Promise<Record<ValidationKey, MetricValue>> {
    if (!this.#validation) return {}
    const { asked, signal } = this.#settings
    const { model, losses } = this.#state
    const results = await evaluateData(model, this.#validation, { owner: `${owner}, validation`, asked, losses, batchSize: 1024, signal })
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [validationKey(name), value!]))
  }
}

const validationKey = (name: keyof Evaluation & string): ValidationKey =>
  `validation${(name.charAt(0).toUpperCase() + name.slice(1)) as Capitalize<string>}`
