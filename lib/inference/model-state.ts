import { FeedPool } from '../data/feed.js'
import { Gate } from '../data/gate.js'
import type { InputPort } from '../data/input-spec.js'
import { type Cancellation, cancelledBy } from '../data/lock.js'
import { finishPaced } from '../data/pace.js'
import type { Preprocessing } from '../data/preprocessing.js'
import type { NamedTensor } from '../io/safetensors.js'
import type { BufferSpec, ModelDescription, ParameterSpec } from '../programs/index.js'
import type { Seed } from '../random.js'
import type { Runtime } from '../runtime/runtime.js'
import { finish, type Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { initialize } from './initialize.js'
import { Plans } from './plans.js'

/** What a model holds is float32, and float64 where it counts. */
type NumberTensor = NamedTensor & Tensor<Float32Array | Float64Array>

export interface ModelStateOptions {
  readonly runtime: Runtime
  readonly description: ModelDescription
  readonly inputs: readonly InputPort[]
  readonly seed: Seed
  /** How the columns of a table become the input. */
  readonly preprocessing?: Preprocessing | undefined
}

/** A copy of the model that is taken as late as possible: before the first prediction from it, or the next training step. */
export interface Snapshot {
  /** Inside a turn of the model. */
  take(): Promise<void>
  takeSync(): void
  /** It could not be taken in time: whoever asks for it next hears why. */
  missed(error: unknown): void
}

/** What a model holds, for all that runs on it: memory, plans, and the gate that lets runs through one at a time. */
export class ModelState {
  readonly runtime: Runtime
  readonly description: ModelDescription
  readonly inputs: readonly InputPort[]
  seed: Seed
  readonly preprocessing: Preprocessing | undefined
  /** The seed's halves, low first: the key of every random stream. */
  key: readonly [number, number]
  readonly gate = new Gate('model')
  readonly feeds: FeedPool
  readonly plans: Plans
  readonly memory: Readonly<Record<'parameters' | 'buffers', ArrayBufferLike>>
  readonly parameters: Readonly<Record<string, Tensor>>
  readonly buffers: Readonly<Record<string, Tensor<Float32Array | Float64Array>>>
  /** Names of the parameters that training leaves alone. */
  frozen: ReadonlySet<string> = new Set()
  /** Which of `step` and `fit` is on its way. */
  training: string | undefined
  /** Predictors that have still to take theirs. */
  readonly snapshots = new Set<Snapshot>()
  /** Runs on their way. */
  readonly running = new Set<Cancellation>()
  #initialized = false
  #initialization: Sliced<void> | undefined
  #disposal: Promise<void> | undefined

  constructor({ runtime, description, inputs, seed, preprocessing }: ModelStateOptions) {
    this.runtime = runtime
    this.description = description
    this.inputs = inputs
    this.seed = seed
    this.preprocessing = preprocessing
    this.key = [seed.low, seed.high]
    this.feeds = new FeedPool(runtime)
    this.memory = {
      parameters: runtime.allocate(Math.max(64, description.parameterElements * 4)),
      buffers: runtime.allocate(Math.max(64, description.bufferBytes))
    }
    this.parameters = record(description.parameters, (spec) => this.#parameter(spec))
    this.buffers = record(description.buffers, (spec) => this.#buffer(spec))
    this.plans = new Plans(this)
    for (const { name, initial } of description.buffers) this.buffers[name]!.data.fill(initial)
  }

  /** The parameters have their numbers from elsewhere: a file. */
  skipInitialization(): void {
    this.#initialized = true
  }

  /** From now on the seed is that of a checkpoint: what is random goes on as it would have. */
  adoptSeed(seed: Seed): void {
    if (seed.low === this.key[0] && seed.high === this.key[1]) return
    this.seed = seed
    this.key = [seed.low, seed.high]
  }

  /** Initializes the parameters where that is still to be done. */
  settleSync(): void {
    if (!this.#initialized) finish(this.#slices())
  }

  /** The same in slices; a synchronous call meanwhile finishes it. */
  async settle(signal?: AbortSignal): Promise<void> {
    if (!this.#initialized) await finishPaced(this.#slices(), { signal })
  }

  /** Whoever asks goes on where the others stopped: nothing is done twice, and an abort stops only who was aborted. */
  *#slices(): Sliced<void> {
    while (!this.#initialized) {
      this.#initialization ??= initialize(this.runtime, this.description, this.parameters, this.key)
      try {
        if (this.#initialization.next().done) this.#initialized = true
      } catch (error) {
        this.#initialization = undefined
        throw error
      }
      yield
    }
  }

  /** Takes the snapshots that were asked for since the last run, before anything is written. */
  async takeSnapshots(): Promise<void> {
    for (const snapshot of this.snapshots)
      try {
        await snapshot.take()
      } catch (error) {
        snapshot.missed(error)
      }
  }

  takeSnapshotsSync(): void {
    for (const snapshot of this.snapshots)
      try {
        snapshot.takeSync()
      } catch (error) {
        snapshot.missed(error)
      }
  }

  /** Refuses everything from now on, and lets go of the memory when the last run has ended. */
  dispose(): Promise<void> {
    return (this.#disposal ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    this.gate.close()
    for (const running of this.running) running.cancel()
    if (this.gate.operations > 0) {
      await this.gate.idle()
      await this.takeSnapshots()
    } else this.takeSnapshotsSync()
    this.plans.dispose()
    this.feeds.clear()
  }

  /** Runs `body` while nothing writes; the signal ends the wait for that at once. */
  async read<T>(owner: string, signal: AbortSignal | undefined, body: () => T | Promise<T>): Promise<T> {
    const give = async () => ({ value: await body() })
    return await this.gate.operation(owner, async () => {
      await this.settle(signal)
      const { value } = await cancelledBy(signal, (cancellation) => this.gate.reading(owner, give, cancellation))
      return value
    })
  }

  /** The numbers as they are after a completed step, copied in slices. */
  async copyTensors(owner: string, signal: AbortSignal | undefined): Promise<readonly NumberTensor[]> {
    const tensors = Object.entries({ ...this.parameters, ...this.buffers })
    return await this.read(owner, signal, () => finishPaced(copies(tensors), { signal }))
  }

  /** A copy of parameters and buffers by name. */
  async copyWeights(owner: string): Promise<Readonly<Record<string, Tensor<Float32Array | Float64Array>>>> {
    const tensors = await this.copyTensors(owner, undefined)
    return Object.fromEntries(tensors.map(({ name, shape, data }) => [name, { data, shape }]))
  }

  /** Takes such a copy over, in slices of one turn: no run sees half of it. */
  async restoreWeights(owner: string, weights: Readonly<Record<string, Tensor<Float32Array | Float64Array>>>): Promise<void> {
    await this.gate.operation(owner, () =>
      this.gate.turn(owner, async () => {
        await this.takeSnapshots()
        await finishPaced(restored({ ...this.parameters, ...this.buffers }, weights), {})
      })
    )
  }

  #parameter({ offset, length, shape }: ParameterSpec): Tensor {
    return Object.freeze({
      data: new Float32Array(this.memory.parameters as ArrayBuffer, offset * 4, length),
      shape: Object.freeze([...shape])
    })
  }

  #buffer({ dtype, offset, length, shape }: BufferSpec): Tensor<Float32Array | Float64Array> {
    const type = dtype === 'float32' ? Float32Array : Float64Array
    return Object.freeze({ data: new type(this.memory.buffers as ArrayBuffer, offset, length), shape: Object.freeze([...shape]) })
  }
}

function record<S extends { readonly name: string }, T>(specs: readonly S[], make: (spec: S) => T): Readonly<Record<string, T>> {
  return Object.freeze(Object.fromEntries(specs.map((spec) => [spec.name, make(spec)])))
}

/** Elements that one slice copies, fresh pages included: under 0.3 ms. */
const copySlice = 1 << 16

/** Copies of the tensors, in slices. */
export function* copies(tensors: readonly (readonly [string, Tensor<Float32Array | Float64Array>])[]): Sliced<NumberTensor[]> {
  const copied: NumberTensor[] = []
  for (const [name, { data, shape }] of tensors) {
    const copy = data instanceof Float32Array ? new Float32Array(data.length) : new Float64Array(data.length)
    for (let start = 0; start < data.length; start += copySlice) {
      copy.set(data.subarray(start, start + copySlice), start)
      yield
    }
    copied.push({ name, shape, data: copy })
  }
  return copied
}

/** Writes numbers into the tensors of the same names, in slices. */
export function* restored(
  targets: Readonly<Record<string, Tensor<Float32Array | Float64Array>>>,
  weights: Readonly<Record<string, Tensor<Float32Array | Float64Array>>>
): Sliced<void> {
  for (const [name, { data }] of Object.entries(weights))
    for (let start = 0; start < data.length; start += copySlice) {
      targets[name]!.data.set(data.subarray(start, start + copySlice), start)
      yield
    }
}
