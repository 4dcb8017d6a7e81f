import { StepClock } from '../data/crossings.js'
import type { Cancellation } from '../data/lock.js'
import { finishApart } from '../data/pace.js'
import { BackendError, expectation, NonFiniteError, outOfRange, withCode, wrongKind } from '../errors.js'
import type { Program } from '../graph/program.js'
import { failureError, type RefusedStep } from '../inference/failure-error.js'
import type { ModelState } from '../inference/model-state.js'
import { grownBatch, type Plan, planned } from '../inference/plans.js'
import { checkOptions, choiceOption } from '../options.js'
import { partialGradients } from '../programs/accumulate.js'
import { describeFailure, type Losses, objectivesOf, trainingStages } from '../programs/index.js'
import type { Objective, Optimizer } from '../programs/types.js'
import { parameterGroups, stateRegions } from '../programs/update.js'
import type { CrossingResult, Executor } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { lossesOption, lossWeightsOption } from './by-output.js'
import type { Callback, RestoredCallback } from './callbacks.js'
import { MicroBatchExecutor } from './micro-batch-executor.js'
import type { AnyOutput, GivenLosses, LossWeights } from './model-types.js'
import type { Position } from './position.js'
import { StepReports } from './step-reports.js'

export interface TrainerOptions<Y = Tensor> {
  /** Of a model with names for its outputs: losses by name, or one for all. An output without one is not trained. */
  readonly loss: GivenLosses<Y>
  /** What each output's loss counts for in the sum, by its name: a finite number at least 0, default 1. */
  readonly lossWeights?: LossWeights<Y>
  readonly optimizer: Optimizer
  /**
   * What becomes of a step whose data, loss or gradients are not finite. 'throw', the default: it rejects with a
   * NonFiniteError. 'skip': it changes nothing but the step's number, and training goes on with the next.
   */
  readonly onNonFinite?: 'throw' | 'skip'
}

interface TrainingPlan {
  readonly program: Program
  readonly executor: Executor
  readonly plan: Plan
  readonly minimumBatch: number
  readonly reports: StepReports
  /** Rows that were asked to go through together. */
  readonly microBatch: number | undefined
  /** Whether batches go through in parts, so that any number of rows will do. */
  readonly inParts: boolean
  /** What was frozen when it was planned. */
  readonly frozen: ReadonlySet<string>
  /** Whether its rows have sample weights. */
  readonly weighted: boolean
  readonly key: readonly [number, number]
}

/** What a trainer holds: its plan, the optimizer's state, and how far it has come. */
export class TrainingState {
  readonly model: ModelState
  readonly losses: Losses
  readonly lossWeights: Readonly<Record<string, number>>
  /** What the losses ask of which output. */
  readonly objectives: readonly Objective[]
  readonly optimizer: Optimizer
  readonly skips: boolean
  readonly clock = new StepClock()
  /** This trainer's crossing on its way. */
  readonly running = new Set<Cancellation>()
  /** Steps done over its life: the number of the next. */
  steps = 0
  /** Epochs begun over its life: the number of the next. */
  epochs = 0
  /** What the schedule's rates are multiplied with. */
  learningRateFactor = 1
  /** In an epoch that a fit has begun and not ended, also after the fit: for checkpoints. */
  position: Position | undefined
  /** Of the last fit. */
  callbacks: readonly Callback[] = []
  /** Of a checkpoint, until a fit has taken them over. */
  #restored: readonly RestoredCallback[] | undefined
  /** Set by `stop`, until the fit on its way has ended. */
  stopping = false
  #memory: Record<string, ArrayBufferLike> | undefined
  #planned: TrainingPlan | undefined
  #slotNames: readonly string[] | undefined
  #active = false
  #disposed = false

  constructor(model: ModelState, options: TrainerOptions<AnyOutput>) {
    const owner = 'Model.trainer'
    model.gate.assertOpen(owner)
    const given = checkOptions(owner, options, ['loss', 'lossWeights', 'optimizer', 'onNonFinite'])
    const { description } = model
    this.model = model
    this.losses = lossesOption(owner, description, given.loss)
    this.lossWeights = lossWeightsOption(owner, description, this.losses, given.lossWeights)
    this.objectives = objectivesOf(description, this.losses, this.lossWeights)
    this.optimizer = expectOptimizer(owner, given.optimizer)
    this.skips = choiceOption(owner, 'onNonFinite', given.onNonFinite, 'throw', ['throw', 'skip']) === 'skip'
    // A pattern that matches nothing is refused here and not at the first step.
    parameterGroups(this.optimizer.kind, description.parameters, this.optimizer)
  }

  assertOpen(owner: string): void {
    this.model.gate.assertOpen(owner)
    if (this.#disposed)
      throw new BackendError(expectation(owner, 'a trainer in use', 'one that was disposed of'), { code: 'EVENKEEL_DISPOSED' })
  }

  /** Runs `body` as the one training run of the model. Others are refused at once. */
  async exclusively<T>(owner: string, what: string, body: () => Promise<T>): Promise<T> {
    const { model } = this
    this.assertOpen(owner)
    if (model.training !== undefined)
      throw new BackendError(
        expectation(owner, 'no other training of this model on its way', `a ${model.training}`, 'Await it before the next'),
        { code: 'EVENKEEL_BUSY' }
      )
    model.training = what
    this.#active = true
    try {
      return await model.gate.operation(owner, body)
    } finally {
      model.training = undefined
      this.#active = this.stopping = false
      if (this.#disposed) this.#release()
    }
  }

  /** Inside a turn: a plan for batches of `rows`, with what is frozen now; `weighted`: each with a sample weight. */
  *plan(owner: string, rows: number, weighted: boolean, microBatch?: number): Sliced<TrainingPlan> {
    this.assertOpen(owner)
    const old = this.#planned
    const { frozen, runtime, memory, description, key } = this.model
    const fits = old !== undefined && (old.inParts || old.plan.maxBatch >= rows)
    if (fits && old.frozen === frozen && old.key === key && old.microBatch === microBatch && old.weighted === weighted) return old
    const maxBatch = old && old.plan.maxBatch >= rows ? old.plan.maxBatch : grownBatch(old?.plan.maxBatch, rows)
    if (description.parameters.every(({ name }) => frozen.has(name)))
      throw withCode(
        new RangeError(
          expectation(owner, 'at least one parameter to train', description.parameters.length === 0 ? 'none' : 'only frozen ones')
        ),
        'EVENKEEL_RANGE'
      )
    const { program, segments, minimumBatch, microBatches } = yield* trainingStages(description, {
      loss: this.losses,
      lossWeights: this.lossWeights,
      optimizer: this.optimizer,
      maxBatch,
      microBatch,
      key,
      frozen,
      sampleWeight: weighted
    })
    yield
    this.#memory ??= this.#allocate()
    if (microBatches) this.#memory[partialGradients] ??= runtime.allocate(Math.max(64, description.parameterElements * 4))
    const table = runtime.allocate(segments.byteLength)
    new Float64Array(table).set(segments)
    const plan = yield* planned(
      runtime,
      program,
      { ...memory, ...this.#memory, segments: table },
      microBatches ? microBatches.rows : maxBatch
    )
    old?.plan.dispose()
    return (this.#planned = {
      program,
      executor: microBatches ? new MicroBatchExecutor(plan.executor, program, microBatches) : plan.executor,
      plan,
      minimumBatch,
      reports: new StepReports(program, this.objectives),
      microBatch,
      inParts: microBatches !== undefined,
      frozen,
      weighted,
      key
    })
  }

  /** The same before the first turn, its slices in turns of the event loop of their own. Predictions go on meanwhile. */
  async planAhead(owner: string, rows: number, weighted: boolean, microBatch?: number): Promise<TrainingPlan> {
    return await this.model.gate.reading(owner, () => finishApart(this.plan(owner, rows, weighted, microBatch)))
  }

  #allocate(): Record<string, ArrayBufferLike> {
    const { runtime, description } = this.model
    const memory: Record<string, ArrayBufferLike> = {
      gradients: runtime.allocate(Math.max(64, description.parameterElements * 4)),
      gradientNorm: runtime.allocate(64)
    }
    for (const { name, bytes } of stateRegions(description, this.optimizer)) memory[name] = runtime.allocate(Math.max(64, bytes))
    return memory
  }

  /** The optimizer's state by region name. */
  get stateMemory(): Readonly<Record<string, ArrayBufferLike>> {
    const { gradients: _, gradientNorm: __, [partialGradients]: ___, ...states } = (this.#memory ??= this.#allocate())
    return states
  }

  /** What the callbacks of the last fit remember, or what a checkpoint brought for those of the next. */
  callbackStates(): readonly RestoredCallback[] {
    if (this.#restored) return this.#restored
    return this.callbacks.map((callback) => ({
      kind: callback.kind,
      state: callback.state?.() ?? null,
      tensors: callback.tensors?.() ?? {}
    }))
  }

  /** Goes on from a checkpoint. */
  takeOver(
    given: Pick<TrainingState, 'steps' | 'epochs' | 'learningRateFactor' | 'position'>,
    callbacks: readonly RestoredCallback[]
  ): void {
    Object.assign(this, given)
    this.#restored = callbacks
  }

  /** The same, for a fit that begins: what a checkpoint brought is taken then. */
  takeCallbackStates(): readonly RestoredCallback[] {
    const states = this.callbackStates()
    this.#restored = undefined
    return states
  }

  /** Every batch normalization needs two values a channel: the variance of one value is 0. */
  assertBatch(owner: string, rows: number, { minimumBatch }: TrainingPlan, advice: string): void {
    if (rows >= minimumBatch) return
    throw outOfRange(
      owner,
      `training batches of at least ${minimumBatch} rows`,
      rows,
      `Batch normalization would see one value a channel, whose variance is 0${advice}`
    )
  }

  /** Writes the slots of one step at `at`: its number, and what the optimizer reads. */
  writeSlots(slots: Float64Array, at: number, step: number): void {
    const values = this.optimizer.stepValues(step, this.learningRateFactor)
    slots[at] = step
    let index = at + 1
    for (const name in values) slots[index++] = values[name]!
  }

  /** Of the next step. */
  get learningRate(): number {
    return this.optimizer.stepValues(this.steps, this.learningRateFactor).learningRate!
  }

  /** The slots of a step: its number first. */
  get slotNames(): readonly string[] {
    return (this.#slotNames ??= ['step', ...Object.keys(this.optimizer.stepValues(0))])
  }

  /** The error for a step that the Program refused; the trainer's step count stands at it. */
  failure(owner: string, result: CrossingResult, rows: Pick<RefusedStep, 'sources' | 'at' | 'number'>): Error {
    const failure = describeFailure(this.model.description, this.#planned!.program, result)
    return failureError(owner, failure, { step: this.steps, ...rows })
  }

  /** Why a step is left out that the Program refused; throws where it may not be. Its number is used up. */
  skipped(...[owner, result, rows]: Parameters<TrainingState['failure']>): NonFiniteError {
    const error = this.failure(owner, result, rows)
    if (!this.skips || !(error instanceof NonFiniteError)) throw error
    this.steps++
    return error
  }

  /** Ends the fit on its way after the step that is running; a single step is left alone. */
  stop(): void {
    if (!this.#active || this.model.training !== 'fit') return
    this.stopping = true
    this.#cancel()
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#cancel()
    if (!this.#active) this.#release()
  }

  #cancel(): void {
    for (const crossing of this.running) crossing.cancel()
  }

  #release(): void {
    this.#planned?.plan.dispose()
    this.#planned = this.#memory = undefined
  }
}

function expectOptimizer(owner: string, value: unknown): Optimizer {
  const { kernel, stepValues } = (value ?? {}) as Partial<Optimizer>
  if (typeof kernel === 'string' && typeof stepValues === 'function') return value as Optimizer
  const advice = typeof value === 'function' ? 'Call it: sgd({ learningRate: 0.1 }), not sgd' : undefined
  throw wrongKind(owner, 'optimizer to be an optimizer such as sgd({ learningRate: 0.1 })', value, advice)
}
