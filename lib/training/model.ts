import { StepClock } from '../data/crossings.js'
import { type InputPort, inputPorts } from '../data/input-spec.js'
import { finishPaced } from '../data/pace.js'
import { Preprocessing } from '../data/preprocessing.js'
import type { InputData } from '../data/rows.js'
import { expectation, ShapeError, wrongKind } from '../errors.js'
import { ModelState } from '../inference/model-state.js'
import { type Predicting, type PredictOptions, predict, predictOptions, predictSync } from '../inference/predict.js'
import { Predictor, type PredictorOptions } from '../inference/predictor.js'
import { modelBytes, openModelFile, writeModelFile } from '../io/model-file.js'
import { expectSource } from '../io/paths.js'
import { type CustomLayers, layerFactories } from '../layers/define-layer.js'
import { expectLayer, isLayer } from '../layers/is-layer.js'
import type { Layer } from '../layers/layer.js'
import type { ModelFunction, ModelValues } from '../layers/model-function.js'
import type { Value } from '../ops/index.js'
import { checkOptions, choiceOption, expectPath, integerOption, signalOption } from '../options.js'
import { describeModel } from '../programs/index.js'
import { matchingNames } from '../programs/patterns.js'
import { normalizeSeed } from '../random.js'
import { type BackendChoice, backendChoices, selectRuntime } from '../runtime/select.js'
import type { StaticShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import type { EvaluateOptions, Evaluation } from './evaluate.js'
import { type AnyTrainingData, evaluate, type TrainingData } from './evaluate-data.js'
import { type LoadedWeights, type LoadWeightsOptions, loadWeights } from './load-weights.js'
import type { AnyInput, AnyOutput, InputRows, InputValues, NamedInputs, OneInput, OutputTensors } from './model-types.js'
import type { SaveOptions } from './save-options.js'
import { summaryTable } from './summary.js'
import { Trainer } from './trainer.js'
import type { TrainerOptions } from './training-state.js'

export interface ModelOptions<I = OneInput> {
  /**
   * Shape of one row of `x`, without the batch dimension; with how its values are read: v · scale + shift. Of several
   * inputs: these by name.
   */
  readonly input: I
  /** Of initialization, shuffling and dropout: an integer 0 … 2⁵³−1 or a bigint 0 … 2⁶⁴−1. Omitted: a random one. */
  readonly seed?: number | bigint
  /** How the columns of a table become `x`, saved with the model: what `fitPreprocessing` gave. The input is `[preprocessing.width]`. */
  readonly preprocessing?: Preprocessing
  /** Default 'auto': native where it runs. */
  readonly backend?: BackendChoice
  /** Default: what the machine has. Results do not depend on it. */
  readonly threads?: number
}

/**
 * A model: layers with their numbers. Cheap to make: memory is asked for, but numbers are drawn when they are first
 * needed, off the event loop where that is by an asynchronous call.
 *
 * @example
 * const net = createModel(sequential(linear(128), batchNorm(), relu(), linear(10)), { input: [784], seed: 7 })
 * @throws TypeError, RangeError, ShapeError for options and layers that do not fit; BackendError where the backend cannot run
 */
export function createModel<const I extends OneInput>(layer: Layer, options: ModelOptions<I>): Model
export function createModel<const I extends NamedInputs>(layer: Layer, options: ModelOptions<I>): Model<InputRows<I>>
/**
 * A model of several inputs or outputs, or of any other form: a function from values to values. Inside it layers are
 * called, and values are computed with `evenkeel/ops`. A layer is known by its `name` or by how many were called before
 * it (`'0.weight'`); one that is called again shares its parameters with the first time, and its running statistics move
 * once a call. The function runs whenever the model is planned and must describe the same computation each time.
 *
 * @param model gets the only input, or an object of the inputs by name; gives the only output, or an object of them
 * @throws TypeError, RangeError, ShapeError for a function, options and layers that do not fit; BackendError where the
 * backend cannot run
 * @example
 * const tower = sequential(linear(16), relu())
 * const pair = createModel(({ left, right }) => ({ match: linear(1)(ops.concat([tower(left), tower(right)], 1)) }), {
 *   input: { left: [4], right: [4] }
 * })
 */
export function createModel<const I extends OneInput | NamedInputs, const O extends ModelValues>(
  model: (inputs: InputValues<I>) => O,
  options: ModelOptions<I>
): Model<InputRows<I>, OutputTensors<O>>
export function createModel(model: Layer | ModelFunction, options: ModelOptions<OneInput | NamedInputs>): Model<AnyInput, AnyOutput> {
  const owner = 'createModel'
  const root = isLayer(model) || typeof model !== 'function' ? expectLayer(owner, model) : model
  const given = checkOptions(owner, options, ['input', 'seed', 'preprocessing', 'backend', 'threads'], { inputShape: 'Use input' })
  const inputs = inputPorts(owner, given.input)
  const seed = normalizeSeed(given.seed, owner)
  const runtime = chooseRuntime(owner, given)
  const preprocessing = preprocessingOption(owner, given.preprocessing, inputs)
  return new Model(new ModelState({ runtime, description: describeModel(root, inputs), inputs, seed, preprocessing }))
}

function preprocessingOption(owner: string, given: unknown, inputs: readonly InputPort[]): Preprocessing | undefined {
  if (given === undefined) return undefined
  if (!(given instanceof Preprocessing)) throw wrongKind(owner, 'preprocessing to be what fitPreprocessing gave', given, 'Await it first')
  const [{ shape }] = inputs as readonly [InputPort]
  if (inputs.length === 1 && shape.length === 1 && shape[0] === given.width) return given
  throw new ShapeError(
    expectation(
      owner,
      `input to be [${given.width}] as the preprocessing gives`,
      inputs.map((input) => input.shape)
    ),
    {
      expected: [given.width],
      actual: shape
    }
  )
}

/** The runtime for a model's options. */
export function chooseRuntime(owner: string, { backend, threads }: Pick<Partial<ModelOptions>, 'backend' | 'threads'>) {
  choiceOption(owner, 'backend', backend, 'auto', backendChoices)
  if (threads !== undefined) integerOption(owner, 'threads', threads, 1, { atLeast: 1, atMost: 256 })
  return selectRuntime({ backend, threads })
}

export interface LoadOptions<F = ModelFunction> extends Pick<ModelOptions, 'backend' | 'threads'> {
  /** The function of a model that was made of one: files hold no code. Parameters must agree by name and shape. */
  readonly model?: F
  /** Layers of one's own: what `defineLayer` gave for them, or factories by kind. Those of the library are known. */
  readonly layers?: CustomLayers
}

/**
 * A model from a file that `save` wrote, or from its bytes: the same predictions, bit for bit, on the same instruction set.
 * The whole header is checked before any memory is asked for.
 *
 * @throws FileFormatError for a file that is foreign, truncated, or of another version; the system's error where it
 * cannot be read; BackendError where the backend cannot run
 * @example
 * await net.save('model.safetensors')
 * const again = await loadModel('model.safetensors')
 */
export async function loadModel<X = InputData, Y = Tensor>(
  source: string | URL | Uint8Array,
  options?: LoadOptions & { readonly model?: undefined }
): Promise<Model<X, Y>>
/** A model of a function, which is given again. */
export async function loadModel<Inputs extends ModelValues, O extends ModelValues>(
  source: string | URL | Uint8Array,
  options: LoadOptions<(inputs: Inputs) => O> & { readonly model: (inputs: Inputs) => O }
): Promise<Model<Inputs extends Value ? InputData : { readonly [K in keyof Inputs]: InputData }, OutputTensors<O>>>
export async function loadModel(source: string | URL | Uint8Array, options?: LoadOptions): Promise<Model<AnyInput, AnyOutput>> {
  const owner = 'loadModel'
  const given = checkOptions(owner, options, ['backend', 'threads', 'layers', 'model'])
  const { model } = given
  if (model !== undefined && (typeof model !== 'function' || isLayer(model)))
    throw wrongKind(owner, 'model to be a model function', model, 'A model of layers is loaded without it')
  const layers = layerFactories(owner, given.layers)
  const runtime = chooseRuntime(owner, given)
  const file = await openModelFile(owner, expectSource(owner, source), { layers, model })
  try {
    const { description, inputs, seed, preprocessing } = file
    const state = new ModelState({ runtime, description, inputs, seed, preprocessing })
    await file.readInto({ ...state.parameters, ...state.buffers })
    state.skipInitialization()
    return new Model(state)
  } finally {
    await file.close()
  }
}

/** An input or output of a model. */
export interface ModelPort {
  /** undefined where there is one without a name. */
  readonly name: string | undefined
  /** Of a row: without the batch dimension. */
  readonly shape: StaticShape
}

const port = ({ key, shape }: { readonly key?: string | undefined; readonly shape: StaticShape }): ModelPort =>
  Object.freeze({ name: key, shape: Object.freeze([...shape]) })

/** Layers with their numbers: predicts, evaluates, and makes trainers and predictors. `createModel` and `loadModel` make one. */
export class Model<X = InputData, Y = Tensor> {
  readonly #state: ModelState
  readonly #target: Predicting

  /** @internal */
  constructor(state: ModelState) {
    this.#state = state
    this.#target = {
      runtime: state.runtime,
      gate: state.gate,
      feeds: state.feeds,
      running: state.running,
      inputs: state.inputs,
      clock: new StepClock(),
      outputs: state.description.outputs,
      settle: (_owner, signal) => state.settle(signal),
      settleSync: () => state.settleSync(),
      plan: (rows, cap) => state.plans.inference(rows, cap)
    }
  }

  /** The parameters by name, as views: what is written here between runs, the next run uses. During a run, await it first. */
  get parameters(): Readonly<Record<string, Tensor>> {
    this.#state.gate.assertOpen('Model.parameters')
    this.#state.settleSync()
    return this.#state.parameters
  }

  /** What training updates without a gradient, running statistics, by name; views as `parameters` are. */
  get buffers(): Readonly<Record<string, Tensor<Float32Array | Float64Array>>> {
    this.#state.gate.assertOpen('Model.buffers')
    return this.#state.buffers
  }

  /** The seed, given or drawn. */
  get seed(): number | bigint {
    return this.#state.seed.seedValue
  }

  /** How the columns of a table become `x`, where the model was made with it. */
  get preprocessing(): Preprocessing | undefined {
    return this.#state.preprocessing
  }

  /** Which backend runs the model: `{ backend: 'native', instructionSet: 'avx2', threads: 2 }`. */
  get backend(): { readonly backend: 'native' | 'portable'; readonly instructionSet: string; readonly threads: number } {
    const { backend, instructionSet, threads } = this.#state.runtime
    return { backend, instructionSet, threads }
  }

  /** What the model takes, in order: each input's name where it has one, and the shape of a row. */
  get inputs(): readonly ModelPort[] {
    return this.#state.inputs.map(port)
  }

  /** What the model gives, in order: each output's name where it has one, and the shape of a row. */
  get outputs(): readonly ModelPort[] {
    return this.#state.description.outputs.map(port)
  }

  /** The layers as a table: path, kind, output shape, number of parameters. */
  summary(): string {
    return summaryTable(this.#state.description, this.#state.frozen)
  }

  /**
   * A trainer with its own optimizer state. One at a time may run. Of a model with names for its outputs, `loss` and
   * `lossWeights` are by these names: it minimizes Σ weight · mean loss.
   *
   * @throws TypeError for options of the wrong kind or unknown; BackendError `EVENKEEL_DISPOSED`
   * @example const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) })
   */
  trainer(options: TrainerOptions<Y>): Trainer<X, Y> {
    return new Trainer<X, Y>(this.#state, options)
  }

  /**
   * The network's output for each row of `x`, in inference mode, in memory of the caller's own. Off the event loop;
   * during a fit it runs between two crossings.
   *
   * @param x [rows, ...input]; of several inputs, these by name
   * @returns [rows, ...output], float32; of several outputs, these by name
   * @throws ShapeError, TypeError for data that do not fit; BackendError `EVENKEEL_DISPOSED`; the signal's reason
   * @example const { data, shape } = await net.predict(x)
   */
  async predict(x: X, options?: PredictOptions): Promise<Y> {
    const owner = 'Model.predict'
    return (await predict(this.#target, owner, x, predictOptions(this.#target, owner, options))) as Y
  }

  /** The same, now. Throws `EVENKEEL_BUSY` while anything of the model is on its way. */
  predictSync(x: X, options?: { readonly batchSize?: number }): Y {
    return predictSync(this.#target, 'Model.predictSync', x, options) as Y
  }

  /**
   * Loss and metrics over all rows, in inference mode. Losses are summed in float64 in the order of the rows, so the
   * result is the same for batches of any size. Of a model with names for its outputs: `loss` is Σ weight · mean loss, and
   * `'price.loss'` and `'price.mae'` are those of the output `price`.
   *
   * @throws ShapeError, TypeError, RangeError for data that do not fit; what a metric throws; the signal's reason
   * @example await net.evaluate({ x, y }, { loss: softmaxCrossEntropy() })   // { loss, accuracy }
   */
  async evaluate(data: TrainingData<X, Y>, options?: EvaluateOptions<Y>): Promise<Evaluation> {
    return await evaluate(this.#state, 'Model.evaluate', data as AnyTrainingData, options)
  }

  /**
   * A folded copy of the model for serving.
   *
   * @throws TypeError, RangeError for options; BackendError `EVENKEEL_DISPOSED`
   * @example const predictor = net.predictor({ maxBatch: 256 })
   */
  predictor(options?: PredictorOptions): Predictor<X, Y> {
    return new Predictor(this.#state, options)
  }

  /**
   * Writes the model as a safetensors file, under its name only when it is whole. During a fit it holds one completed
   * step; training goes on while it is written.
   *
   * @throws the system's error where it cannot be written (ENOSPC, EACCES, …), TypeError for a path that is no file's, the
   * signal's reason: whatever the path held before is untouched then
   * @example await net.save('model.safetensors')
   */
  async save(path: string | URL, options?: SaveOptions): Promise<void> {
    const owner = 'Model.save'
    const signal = signalOption(owner, checkOptions(owner, options, ['signal']).signal)
    const target = expectPath(owner, path)
    signal?.throwIfAborted()
    const tensors = await this.#state.copyTensors(owner, signal)
    const { description, inputs, seed, preprocessing } = this.#state
    await writeModelFile(owner, target, { description, inputs, seed, preprocessing, tensors }, signal)
  }

  /**
   * The bytes that `save` writes: for a database, an object store, another process. `loadModel` and `loadWeights` take them.
   *
   * @throws the signal's reason
   * @example const again = await loadModel(await net.toBytes())
   */
  async toBytes(options?: SaveOptions): Promise<Uint8Array> {
    const owner = 'Model.toBytes'
    const signal = signalOption(owner, checkOptions(owner, options, ['signal']).signal)
    signal?.throwIfAborted()
    const tensors = await this.#state.copyTensors(owner, signal)
    const { description, inputs, seed, preprocessing } = this.#state
    return await finishPaced(modelBytes(owner, { description, inputs, seed, preprocessing, tensors }), { signal })
  }

  /**
   * Takes numbers from a safetensors file, of this library or another, for the parameters and buffers of the same names
   * and shapes, as PyTorch's `load_state_dict` does. Where the file is a checkpoint, from its model.
   *
   * @param source a path, or the bytes of a file
   * @returns which names were loaded, which of the model the file lacks (`missing`), which of the file the model lacks
   * (`unexpected`), and which differ in shape or type (`mismatched`)
   * @throws FileFormatError for a file that is none, and with `strict` (code `EVENKEEL_WEIGHTS`, with the three lists) for one
   * that does not fit: nothing is changed then; BackendError `EVENKEEL_BUSY` during training
   * @example
   * await net.save('model.safetensors')
   * const { missing } = await net.loadWeights('model.safetensors', { strict: false })
   */
  async loadWeights(source: string | URL | Uint8Array, options?: LoadWeightsOptions): Promise<LoadedWeights> {
    return await loadWeights('Model.loadWeights', this.#state, source, options)
  }

  /**
   * Training leaves the parameters that match alone; running statistics still move. `*` stands for any characters:
   * `'0.*'`, `'*.gamma'`. Several patterns: what one of them matches.
   *
   * @throws RangeError where nothing matches, BackendError `EVENKEEL_BUSY` during training
   * @example net.freeze('0.*')
   */
  freeze(pattern: string | readonly string[]): void {
    const matched = this.#matching('Model.freeze', pattern)
    this.#state.frozen = new Set([...this.#state.frozen, ...matched])
  }

  /** Takes `freeze` back for the parameters that match. Throws as `freeze` does. */
  unfreeze(pattern: string | readonly string[]): void {
    const matched = new Set(this.#matching('Model.unfreeze', pattern))
    this.#state.frozen = new Set([...this.#state.frozen].filter((name) => !matched.has(name)))
  }

  #matching(owner: string, pattern: unknown): string[] {
    const { gate, training, description } = this.#state
    gate.assertOpen(owner)
    const matched = matchingNames(
      owner,
      pattern,
      description.parameters.map(({ name }) => name)
    )
    if (training !== undefined) gate.assertIdle(owner)
    return matched
  }

  /** Refuses everything from now on and lets go of the memory; a run on its way ends after its step and rejects. */
  dispose(): void {
    void this.#state.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Waits for the run on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#state.dispose()
  }
}
