import { StepClock } from '../data/crossings.js'
import type { Batch, Dataset } from '../data/dataset.js'
import { Gate } from '../data/gate.js'
import { IterableTransform, type Transform } from '../data/iterable-transform.js'
import type { Cancellation } from '../data/lock.js'
import type { ModelInput } from '../data/named-rows.js'
import { rowForm } from '../data/one-row.js'
import { finishApart } from '../data/pace.js'
import type { InputData } from '../data/rows.js'
import { BackendError, expectation } from '../errors.js'
import type { Port } from '../layers/ports.js'
import { checkOptions, choiceOption, integerOption, numberOption } from '../options.js'
import { foldedStages, type OutputForm, outputForms } from '../programs/index.js'
import { finish, type Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import type { ModelState, Snapshot } from './model-state.js'
import { type Plan, planned } from './plans.js'
import { defaultBatch, type Predicting, type PredictOptions, predict, predictOptions, predictSync } from './predict.js'
import { SingleRows } from './single-rows.js'
import { type RowIterable, type StreamOptions, streamRows } from './stream.js'

export interface PredictorOptions {
  /** Rows a step at most, and what memory is planned for; default 1024. */
  readonly maxBatch?: number
  /**
   * Milliseconds that a `predict` of one row may wait for others to share a batch with; default 0: what is asked in one
   * turn of the event loop, or while a batch runs, shares the next.
   */
  readonly maxDelay?: number
  /**
   * 'logits', the default: outputs as the network gives them. 'probabilities': their softmax over the last dimension, or
   * the sigmoid where a row has one value there; outputs that end in one of these stay as they are. Of several outputs,
   * one word for all or one for each by name.
   */
  readonly output?: OutputForm | Readonly<Record<string, OutputForm>>
}

/**
 * A copy of a model for serving: batch and weight normalization are folded into the linear layers, dropout is gone.
 * It holds the parameters of the moment it was made (at the latest, those before the next training step) until
 * `refresh`, and lives on when the model is disposed of.
 *
 * Predictions equal the model's within rounding: folding multiplies in another order.
 */
export class Predictor<X = InputData, Y = Tensor> {
  readonly #target: FoldedTarget
  /** Where there is one input of float32 and one output, neither with a name. */
  readonly #rows: SingleRows | undefined

  /** @internal: `net.predictor()` makes one */
  constructor(state: ModelState, options?: PredictorOptions) {
    const owner = 'Model.predictor'
    const given = checkOptions(owner, options, ['maxBatch', 'maxDelay', 'output'])
    state.gate.assertOpen(owner)
    const maxBatch = integerOption(owner, 'maxBatch', given.maxBatch, defaultBatch, { atLeast: 1 })
    const maxDelay = numberOption(owner, 'maxDelay', given.maxDelay, 0, { atLeast: 0, atMost: 60_000 })
    this.#target = new FoldedTarget(state, maxBatch, formsOption(owner, given.output, state.description.outputs))
    const [input] = state.inputs
    const [output] = state.description.outputs
    if (input!.key === undefined && input!.dtype === 'float32' && output!.key === undefined)
      this.#rows = new SingleRows(this.#target, rowForm(predictOwner, input!.shape), maxBatch, maxDelay)
  }

  /**
   * The network's output for each row of `x`, in memory of the caller's own. Off the event loop. Calls with one row
   * that come together share a batch, with the same bits as one by one.
   *
   * @param x [rows, ...input]
   * @returns [rows, ...output], float32
   * @throws ShapeError, TypeError, RangeError for data and options that do not fit; BackendError `EVENKEEL_DISPOSED`; the signal's reason
   * @example const { data, shape } = await predictor.predict(x)
   */
  // Not an async function: that would be one more promise a call.
  predict(x: X, options?: PredictOptions): Promise<Y> {
    try {
      const target = this.#target
      const given = options && predictOptions(target, predictOwner, options)
      const alone = options?.batchSize === undefined ? this.#rows?.predict(x, given?.signal) : undefined
      return (alone ?? predict(target, predictOwner, x, given ?? predictOptions(target, predictOwner, undefined))) as Promise<Y>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The same, now. Throws while an asynchronous call is on its way. */
  predictSync(x: X, options?: { readonly batchSize?: number }): Y {
    return predictSync(this.#target, 'Predictor.predictSync', x, options) as Y
  }

  /**
   * One output an item, in their order: [...output] for a row, [rows, ...output] for a batch. A batch that is an object
   * with its rows in `x` comes back with its `output`. Of a dataset come pieces of any size, with its other columns and
   * without `x`, whose memory is used again: the fastest way through a file.
   *
   * Rows are read, predicted in full batches, and taken at the same time; where nobody takes the outputs, reading stops.
   * A source that pauses gets its answers without waiting for a full batch. Whoever stops early closes the source.
   *
   * @param source rows, each of the input's shape or flat, or batches, with one dimension more; or a dataset
   * @throws TypeError, RangeError now for options and what cannot be read. Later, after the outputs of all items before:
   * DataError with the `row`, where the source throws; ShapeError, TypeError for an item that does not fit; as `predict` does
   * @example for await (const y of predictor.stream(rows)) console.log(y.data)
   */
  stream(source: Dataset, options?: StreamOptions): AsyncGenerator<Omit<Batch, 'x'> & { readonly output: Y }, void, undefined>
  stream<B extends { readonly x: ModelInput }>(
    source: RowIterable<B>,
    options?: StreamOptions
  ): AsyncGenerator<B & { readonly output: Y }, void, undefined>
  stream(source: RowIterable, options?: StreamOptions): AsyncGenerator<Y, void, undefined>
  stream(source: RowIterable<unknown> | Dataset, options?: StreamOptions): AsyncGenerator<unknown, void, undefined> {
    return streamRows(this.#target, 'Predictor.stream', source, options)
  }

  /**
   * The same as a Transform of Node's streams, in object mode: rows or batches in, outputs out. What `stream` would
   * throw destroys it.
   *
   * @throws TypeError, RangeError now for options
   * @example
   * const transform = predictor.transform()
   * transform.on('data', (y) => console.log(y.data))
   * transform.end([0, 1])
   */
  transform(options?: StreamOptions): Transform {
    return new IterableTransform((chunks) => streamRows(this.#target, 'Predictor.transform', chunks, options))
  }

  /** Takes the model's parameters anew. Predictions asked for before it see the old ones, later ones the new. */
  async refresh(): Promise<void> {
    this.#rows?.flush()
    await this.#target.refresh('Predictor.refresh')
  }

  dispose(): void {
    void this[Symbol.asyncDispose]()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Waits for the run on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#rows?.clear()
    await this.#target.dispose()
  }
}

const predictOwner = 'Predictor.predict'

class FoldedTarget implements Predicting, Snapshot {
  readonly #state: ModelState
  readonly #forms: readonly OutputForm[]
  readonly maxBatch: number
  readonly refreshes = true
  readonly gate = new Gate('predictor')
  readonly clock = new StepClock()
  readonly running = new Set<Cancellation>()
  #prepare: Plan | undefined
  #predict: Plan | undefined
  #taken = false
  #missed: { readonly error: unknown } | undefined

  constructor(state: ModelState, maxBatch: number, forms: readonly OutputForm[]) {
    this.#state = state
    this.maxBatch = maxBatch
    this.#forms = forms
    state.snapshots.add(this)
  }

  get runtime() {
    return this.#state.runtime
  }

  get feeds() {
    return this.#state.feeds
  }

  get inputs() {
    return this.#state.inputs
  }

  get outputs() {
    return this.#state.description.outputs
  }

  // biome-ignore lint/correctness/useYield: planned when the copy was taken
  *plan(): Sliced<Plan> {
    return this.#predict!
  }

  settle(owner: string, signal: AbortSignal | undefined): Promise<void> | undefined {
    return this.#taken ? undefined : this.#settle(owner, signal)
  }

  async #settle(owner: string, signal: AbortSignal | undefined): Promise<void> {
    const state = this.#state
    this.#assertNotMissed(owner)
    try {
      await this.#fromModel(owner, signal, () => this.take())
    } catch (error) {
      signal?.throwIfAborted()
      if (!state.gate.closed) throw error
    }
    // A model that is disposed of gives its predictors their copies last of all.
    if (state.gate.closed) await state.dispose()
    this.#assertNotMissed(owner)
  }

  settleSync(owner: string): void {
    if (this.#taken) return
    this.#assertNotMissed(owner)
    const { gate } = this.#state
    if (gate.closed)
      throw new BackendError(expectation(owner, 'no run of its model on its way', 'a dispose that waits for one', 'Await it, or predict'), {
        code: 'EVENKEEL_BUSY'
      })
    gate.assertIdle(owner)
    this.takeSync()
  }

  async refresh(owner: string): Promise<void> {
    await this.gate.operation(owner, () => this.gate.turn(owner, () => this.#fromModel(owner, undefined, () => this.#copy())))
  }

  async #fromModel(owner: string, signal: AbortSignal | undefined, copy: () => Promise<void>): Promise<void> {
    const state = this.#state
    await state.read(owner, signal, () => state.gate.readingTurn(owner, copy))
  }

  async take(): Promise<void> {
    if (!this.#taken) await this.#copy()
  }

  async #copy(): Promise<void> {
    await this.#state.settle()
    const plan = this.#prepare ?? (await finishApart(this.#planned()))
    if (this.gate.closed) return this.#release()
    await plan.executor.run(wholeRun)
    this.#done()
  }

  takeSync(): void {
    if (this.#taken) return
    this.#state.settleSync()
    finish(this.#planned()).executor.runSync(wholeRun)
    this.#done()
  }

  missed(error: unknown): void {
    this.#missed = { error }
    this.#state.snapshots.delete(this)
  }

  #assertNotMissed(owner: string): void {
    if (!this.#missed) return
    const { error: cause } = this.#missed
    const code = cause instanceof BackendError ? { code: cause.code } : {}
    const advice = this.#state.gate.closed ? 'Its model was disposed of' : 'Its model has changed since: call refresh()'
    const message = expectation(owner, 'a predictor that has copied its model', `one that could not: ${(cause as Error)?.message}`, advice)
    throw new BackendError(message, { cause, ...code })
  }

  #done(): void {
    this.#taken = true
    this.#missed = undefined
    this.#state.snapshots.delete(this)
  }

  *#planned(): Sliced<Plan> {
    if (this.#prepare) return this.#prepare
    const { runtime, description, memory } = this.#state
    const { maxBatch } = this
    const { prepare, predict, constantBytes } = yield* foldedStages(description, { maxBatch, forms: this.#forms })
    yield
    const constants = runtime.allocate(Math.max(64, constantBytes))
    this.#predict = yield* planned(runtime, predict, { constants }, maxBatch)
    yield
    return (this.#prepare = yield* planned(runtime, prepare, { ...memory, constants }, 1))
  }

  async dispose(): Promise<void> {
    const again = this.gate.closed
    this.gate.close()
    this.#state.snapshots.delete(this)
    for (const running of this.running) running.cancel()
    if (this.gate.operations > 0) await this.gate.idle()
    if (again) return
    this.#release()
  }

  #release(): void {
    this.#prepare?.dispose()
    this.#predict?.dispose()
    this.#prepare = this.#predict = undefined
  }
}

/** Of each output, in their order. */
function formsOption(owner: string, given: unknown, outputs: readonly Port[]): readonly OutputForm[] {
  const form = (name: string, value: unknown) => choiceOption<OutputForm>(owner, name, value, 'logits', outputForms)
  if (typeof given !== 'object' || given === null || outputs[0]!.key === undefined) {
    const all = form('output', given)
    return outputs.map(() => all)
  }
  const names = outputs.map(({ key }) => key!)
  const forms = checkOptions<Readonly<Record<string, unknown>>>(`${owner}, output`, given as Readonly<Record<string, unknown>>, names)
  return names.map((name) => form(`output.${name}`, forms[name]))
}

/** The folding Program reads no rows; its batch is a matter of form. */
const wholeRun = {
  steps: 1,
  symbols: Float64Array.of(1),
  slots: new Float64Array(0),
  inputs: [],
  outputs: [],
  results: new Float64Array(0)
}
