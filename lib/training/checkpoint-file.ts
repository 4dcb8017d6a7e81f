import { finishPaced } from '../data/pace.js'
import { expectation, FileFormatError } from '../errors.js'
import { copies, restored } from '../inference/model-state.js'
import { checkFormat, checkTensors, type ExpectedTensor, expectedTensors, json, readSeed, writeModelFile } from '../io/model-file.js'
import { type FileSource, fileName, openSafetensors, type SafetensorsFile } from '../io/safetensors.js'
import type { ParameterSpec } from '../programs/index.js'
import { largestRegion } from '../programs/update.js'
import type { Seed } from '../random.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import type { Weights } from './callbacks.js'
import { type CheckpointState, checkpointState } from './checkpoint-state.js'
import type { TrainingState } from './training-state.js'

type Numbers = Tensor<Float32Array | Float64Array>

const callbackTensor = (index: number, name: string): string => `*callback.${index}.${name}`

/**
 * Writes all that a training needs to go on as if it had never stopped: a model file that holds the trainer's state too.
 * During a fit it is that of one completed step.
 */
export async function writeCheckpoint(owner: string, state: TrainingState, path: string | URL, signal: AbortSignal | undefined) {
  const { model } = state
  const { checkpoint, tensors } = await model.read(owner, signal, async () => {
    const callbacks = state.callbackStates()
    const named: [string, Numbers][] = [
      ...Object.entries({ ...model.parameters, ...model.buffers }),
      ...Object.entries(optimizerTensors(state))
    ]
    for (const [index, callback] of callbacks.entries())
      for (const [name, tensor] of Object.entries(callback.tensors)) named.push([callbackTensor(index, name), tensor])
    // Before the first pause: what is told by numbers here belongs to what the memory holds now.
    const checkpoint = JSON.stringify(describeState(state, callbacks))
    return { checkpoint, tensors: await finishPaced(copies(named), { signal }) }
  })
  const { description, inputs, seed, preprocessing } = model
  await writeModelFile(owner, path, { description, inputs, seed, preprocessing, tensors, checkpoint }, signal)
}

function describeState(state: TrainingState, callbacks: ReturnType<TrainingState['callbackStates']>): CheckpointState {
  const { steps, epochs, learningRateFactor, optimizer, position } = state
  return {
    steps,
    epochs,
    learningRateFactor,
    optimizer: { kind: optimizer.kind, states: optimizer.states },
    frozen: [...state.model.frozen],
    position: position
      ? {
          cut: position.cut,
          batch: position.batch,
          skipped: position.skipped,
          learningRate: position.learningRate,
          sums: position.losses?.sums ?? position.sums ?? []
        }
      : null,
    callbacks: callbacks.map(({ kind, state, tensors }) => ({ kind, state, tensors: Object.keys(tensors) }))
  }
}

/** The optimizer's state as views, parameter by parameter, so that no file knows how they lie. */
function optimizerTensors({ model, optimizer, stateMemory }: TrainingState): Record<string, Numbers> {
  const view = (state: string, { offset, length, shape }: ParameterSpec): Numbers => ({
    data: new Float32Array(stateMemory[`optimizer.${state}`] as ArrayBuffer, offset * 4, length),
    shape
  })
  return Object.fromEntries(
    optimizer.states.flatMap((state) =>
      model.description.parameters.map((parameter) => [optimizerTensor(state, parameter), view(state, parameter)] as const)
    )
  )
}

const optimizerTensor = (state: string, { name }: ParameterSpec): string => `*optimizer.${state}.${name}`

/** What a checkpoint gives, read and checked, before anything is taken over. */
interface Checkpoint {
  readonly state: CheckpointState
  readonly seed: Seed
  readonly weights: Weights
  readonly optimizer: Weights
  readonly callbacks: readonly Weights[]
}

/** Reads a checkpoint and takes it over, in one turn of the model; one that does not fit changes nothing. */
export async function readCheckpoint(owner: string, state: TrainingState, source: FileSource, signal: AbortSignal | undefined) {
  const { model } = state
  const checkpoint = await openCheckpoint(owner, state, source)
  const largest = await finishPaced(largestOf(fileName(owner, source), state, checkpoint.optimizer), { signal })
  await model.gate.turn(owner, async () => {
    await model.takeSnapshots()
    // First of all: nobody may go on to draw first numbers meanwhile. Not to be aborted from here on.
    model.skipInitialization()
    const targets = { ...model.parameters, ...model.buffers, ...optimizerTensors(state) }
    await finishPaced(restored(targets, { ...checkpoint.weights, ...checkpoint.optimizer }))
    if (largest.length > 0) new Float32Array(state.stateMemory[largestRegion] as ArrayBuffer, 0, largest.length).set(largest)
    model.adoptSeed(checkpoint.seed)
    const { frozen, callbacks, steps, epochs, learningRateFactor, position } = checkpoint.state
    model.frozen = new Set(frozen)
    state.takeOver(
      { steps, epochs, learningRateFactor, position: position ? { ...position, losses: undefined } : undefined },
      callbacks.map(({ kind, state }, index) => ({ kind, state, tensors: checkpoint.callbacks[index]! }))
    )
  })
}

async function openCheckpoint(owner: string, state: TrainingState, source: FileSource): Promise<Checkpoint> {
  const { model, optimizer } = state
  const { parameters } = model.description
  const where = fileName(owner, source)
  const file = await openSafetensors(owner, source)
  try {
    checkFormat(where, file.metadata)
    if (!file.metadata.has('checkpoint'))
      throw new FileFormatError(
        expectation(where, 'a checkpoint', 'a model without the state of its training', 'Read it with net.loadWeights or loadModel')
      )
    const given = checkpointState(where, json(where, 'checkpoint', file.metadata))
    const seed = readSeed(where, file.metadata)
    checkOptimizer(where, state, given)
    const expected = expectedTensors(model.description)
    const weights = [...expected.keys()]
    const states = optimizer.states.flatMap((name) =>
      parameters.map((parameter) => [optimizerTensor(name, parameter), parameter.shape] as const)
    )
    for (const [name, shape] of states) expected.set(name, { type: 'F32', shape })
    for (const [name, tensor] of callbackTensors(where, given, file)) expected.set(name, tensor)
    checkTensors(where, file, expected, false)
    const known = new Set(parameters.map(({ name }) => name))
    const stranger = given.frozen.find((name) => !known.has(name))
    if (stranger !== undefined) throw new FileFormatError(expectation(where, 'frozen parameters of the model', `'${stranger}'`))
    const callbacks: Weights[] = []
    for (const [index, { tensors }] of given.callbacks.entries())
      callbacks.push(await readAll(file, tensors, (name) => callbackTensor(index, name)))
    const optimizerNames = states.map(([name]) => name)
    return { state: given, seed, weights: await readAll(file, weights), optimizer: await readAll(file, optimizerNames), callbacks }
  } finally {
    await file.close()
  }
}

function checkOptimizer(where: string, { optimizer }: TrainingState, given: CheckpointState): void {
  const { kind, states } = given.optimizer
  if (kind === optimizer.kind && states.join() === optimizer.states.join()) return
  const describe = (kind: string, states: readonly string[]): string =>
    states.length === 0 ? kind : `${kind} with ${states.join(' and ')}`
  throw new FileFormatError(
    expectation(
      where,
      `a checkpoint of ${describe(optimizer.kind, optimizer.states)}`,
      describe(kind, states),
      'Make the trainer as it was'
    ),
    { code: 'EVENKEEL_CHECKPOINT' }
  )
}

function callbackTensors(where: string, { callbacks }: CheckpointState, { tensors }: SafetensorsFile): [string, ExpectedTensor][] {
  return callbacks.flatMap((callback, index) =>
    callback.tensors.map((name): [string, ExpectedTensor] => {
      const found = tensors.get(callbackTensor(index, name))
      if (!found || (found.type !== 'F32' && found.type !== 'F64'))
        throw new FileFormatError(expectation(where, `numbers '${callbackTensor(index, name)}'`, found?.type ?? 'none'))
      return [callbackTensor(index, name), found]
    })
  )
}

async function readAll(file: SafetensorsFile, names: readonly string[], inFile = (name: string): string => name): Promise<Weights> {
  const read: [string, Numbers][] = []
  for (const name of names) {
    const data = (await file.read(inFile(name))) as Float32Array | Float64Array
    read.push([name, { data, shape: file.tensors.get(inFile(name))!.shape }])
  }
  return Object.fromEntries(read)
}

const sliceElements = 1 << 15

/** The largest magnitude of each state: the bound by which a step tells that its update does not overflow. */
function* largestOf(where: string, { model, optimizer }: TrainingState, tensors: Weights): Sliced<number[]> {
  const largest: number[] = []
  for (const state of optimizer.states) {
    let top = 0
    for (const parameter of model.description.parameters) {
      const { data } = tensors[optimizerTensor(state, parameter)]!
      for (let i = 0; i < data.length; i++) {
        const value = data[i]!
        if (!Number.isFinite(value) || (state === 'secondMoment' && value < 0))
          throw new FileFormatError(expectation(where, `an optimizer's state in '${optimizerTensor(state, parameter)}'`, String(value)))
        top = Math.max(top, Math.abs(value))
        if (i % sliceElements === 0) yield
      }
    }
    largest.push(top)
  }
  return largest
}
