import { type InputPort, inputOption, inputPorts } from '../data/input-spec.js'
import { Preprocessing } from '../data/preprocessing.js'
import { expectation, FileFormatError } from '../errors.js'
import { type LayerFactory, layerFromJSON, layerToJSON } from '../layers/architecture.js'
import type { ModelFunction } from '../layers/model-function.js'
import { describeModel, isLayerModel, type ModelDescription } from '../programs/index.js'
import { normalizeSeed, type Seed } from '../random.js'
import { formatShape, type StaticShape, sameShape } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import {
  type FileSource,
  fileName,
  type NamedTensor,
  openSafetensors,
  type SafetensorsFile,
  safetensorsBytes,
  writeSafetensors
} from './safetensors.js'
import type { TensorType } from './safetensors-header.js'

/** Of this package: package.json holds the same, and a test compares the two. */
export const libraryVersion = '0.1.0'
/** Of what the metadata mean. A reader refuses what it does not know. */
export const modelFormatVersion = '1'

export interface ModelFile {
  readonly description: ModelDescription
  readonly inputs: readonly InputPort[]
  readonly seed: Seed
  readonly preprocessing?: Preprocessing | undefined
  readonly tensors: readonly NamedTensor[]
  /** JSON of a checkpoint: what else it holds are tensors whose names start with a star, which no parameter's does. */
  readonly checkpoint?: string
}

/**
 * Writes a model as a safetensors file: parameters and buffers by name; in the metadata `format`, `formatVersion`,
 * `architecture` and `input` (JSON), `seed`, `preprocessing` (JSON) where the model has one, and the `version` that wrote it. A model function is code, which no file
 * holds: in place of the architecture there are `model`, the word `function`, and its `output` (JSON). Equal models give
 * equal bytes.
 */
export async function writeModelFile(owner: string, path: string | URL, model: ModelFile, signal?: AbortSignal) {
  await writeSafetensors(owner, path, model.tensors, { metadata: fileMetadata(model), signal })
}

/** The bytes of such a file. */
export function modelBytes(owner: string, model: ModelFile): Sliced<Uint8Array> {
  return safetensorsBytes(owner, model.tensors, fileMetadata(model))
}

function fileMetadata({ description, inputs, seed, preprocessing, checkpoint }: ModelFile): Readonly<Record<string, string>> {
  return {
    format: 'evenkeel',
    formatVersion: modelFormatVersion,
    version: libraryVersion,
    ...modelMetadata(description),
    input: JSON.stringify(inputOption(inputs)),
    seed: String(seed.seedValue),
    ...(preprocessing ? { preprocessing: JSON.stringify(preprocessing) } : {}),
    ...(checkpoint === undefined ? {} : { checkpoint })
  }
}

function modelMetadata({ root, outputs }: ModelDescription): Readonly<Record<string, string>> {
  if (isLayerModel(root)) return { architecture: JSON.stringify(layerToJSON(root)) }
  return { model: 'function', output: JSON.stringify(outputShapes(outputs)) }
}

/** A shape, or shapes by name. */
function outputShapes(outputs: ModelDescription['outputs']): StaticShape | Readonly<Record<string, StaticShape>> {
  if (outputs[0]!.key === undefined) return outputs[0]!.shape
  return Object.fromEntries(outputs.map(({ key, shape }) => [key!, shape]))
}

/** A model file whose header has been checked; its tensors are still to be read. */
export interface OpenModelFile {
  readonly description: ModelDescription
  readonly inputs: readonly InputPort[]
  readonly seed: Seed
  readonly preprocessing: Preprocessing | undefined
  /** Reads every tensor into the memory of the same name. */
  readInto(tensors: Readonly<Record<string, Tensor<Float32Array | Float64Array>>>): Promise<void>
  close(): Promise<void>
}

/** What a file does not hold. */
export interface ModelCode {
  /** Factories of layers of the caller's own, by kind. */
  readonly layers?: Readonly<Record<string, LayerFactory>> | undefined
  /** The function of a model that is one. */
  readonly model?: ModelFunction | undefined
}

/**
 * Opens a model file and checks all of its header: the format and its version, the architecture, and that there is
 * exactly one tensor of the right type and shape for each parameter and buffer.
 *
 * @throws FileFormatError for anything else; the system's error where the file cannot be read
 */
export async function openModelFile(owner: string, source: FileSource, code: ModelCode = {}): Promise<OpenModelFile> {
  const file = await openSafetensors(owner, source)
  const where = fileName(owner, source)
  try {
    const { description, inputs, seed, preprocessing } = readMetadata(where, file, code)
    checkTensors(where, file, expectedTensors(description), file.metadata.has('checkpoint'))
    return {
      description,
      inputs,
      seed,
      preprocessing,
      readInto: async (tensors) => {
        for (const name of file.tensors.keys()) if (!name.startsWith('*')) await file.read(name, tensors[name]!.data)
      },
      close: () => file.close()
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Refuses a file that this library did not write, or that means something else than this version knows. */
export function checkFormat(where: string, metadata: ReadonlyMap<string, string>): void {
  const format = metadata.get('format')
  if (format !== 'evenkeel')
    throw refuse(where, "a model that evenkeel saved (metadata format 'evenkeel')", format === undefined ? 'none' : `'${format}'`)
  const formatVersion = metadata.get('formatVersion')
  if (formatVersion !== modelFormatVersion)
    throw new FileFormatError(
      expectation(
        where,
        `format version ${modelFormatVersion}`,
        `${formatVersion}`,
        `Use evenkeel ${metadata.get('version') ?? 'of that version'}`
      ),
      { code: 'EVENKEEL_FORMAT_VERSION' }
    )
}

function readMetadata(where: string, { metadata }: SafetensorsFile, code: ModelCode) {
  checkFormat(where, metadata)
  const root = readRoot(where, metadata, code)
  const given = json(where, 'input', metadata)
  const seed = readSeed(where, metadata)
  try {
    const inputs = inputPorts(where, given)
    const description = describeModel(root, inputs)
    if (!isLayerModel(root)) checkOutputs(where, metadata, description)
    const preprocessing = metadata.has('preprocessing') ? Preprocessing.fromJSON(where, json(where, 'preprocessing', metadata)) : undefined
    return { inputs, description, seed, preprocessing }
  } catch (cause) {
    if (cause instanceof FileFormatError) throw cause
    throw new FileFormatError(`${where}: expected a model that can be made, got one that cannot: ${(cause as Error).message}`, { cause })
  }
}

function readRoot(where: string, metadata: ReadonlyMap<string, string>, { layers, model }: ModelCode) {
  const isFunction = metadata.get('model') === 'function'
  const code = { code: 'EVENKEEL_MODEL_FUNCTION' } as const
  if (!isFunction && model)
    throw new FileFormatError(expectation(where, 'a file of a model function', 'one of layers', 'Leave the option model out'), code)
  if (!isFunction) return layerFromJSON(json(where, 'architecture', metadata), layers)
  if (model) return model
  const advice = 'It was saved from a function, which files do not hold. Give it: loadModel(path, { model: (inputs) => ... })'
  throw new FileFormatError(expectation(where, 'the option model', 'none', advice), code)
}

function checkOutputs(where: string, metadata: ReadonlyMap<string, string>, { outputs }: ModelDescription): void {
  const saved = JSON.stringify(json(where, 'output', metadata))
  const given = JSON.stringify(outputShapes(outputs))
  if (saved !== given) throw refuse(where, `a model function whose output is ${saved}`, `one whose output is ${given}`)
}

export function readSeed(where: string, metadata: ReadonlyMap<string, string>): Seed {
  const text = metadata.get('seed') ?? ''
  if (!/^\d{1,20}$/.test(text)) throw refuse(where, 'a seed', `'${text.slice(0, 30)}'`)
  try {
    return normalizeSeed(Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text), where)
  } catch (cause) {
    throw refuse(where, 'a seed', text, cause)
  }
}

export function json(where: string, key: string, metadata: ReadonlyMap<string, string>): unknown {
  try {
    return JSON.parse(metadata.get(key) ?? '')
  } catch (cause) {
    throw refuse(where, `metadata '${key}' of JSON`, metadata.has(key) ? 'other text' : 'none', cause)
  }
}

/** What a tensor of a file must be. */
export interface ExpectedTensor {
  readonly type: TensorType
  readonly shape: StaticShape
}

/** One tensor for each parameter and buffer. */
export function expectedTensors({ parameters, buffers }: ModelDescription): Map<string, ExpectedTensor> {
  const expected = new Map<string, ExpectedTensor>()
  for (const { name, shape } of parameters) expected.set(name, { type: 'F32', shape })
  for (const { name, shape, dtype } of buffers) expected.set(name, { type: dtype === 'float64' ? 'F64' : 'F32', shape })
  return expected
}

/** @param starred whether there may be other tensors whose names start with a star */
export function checkTensors(
  where: string,
  { tensors }: SafetensorsFile,
  expected: ReadonlyMap<string, ExpectedTensor>,
  starred: boolean
): void {
  for (const [name, { type, shape }] of expected) {
    const found = tensors.get(name)
    const wanted = `'${name}' as ${type} of shape ${formatShape(shape)}`
    if (!found) throw refuse(where, wanted, 'none')
    if (found.type !== type || !sameShape(found.shape, shape))
      throw refuse(where, wanted, `${found.type} of shape ${formatShape(found.shape)}`)
  }
  for (const name of tensors.keys())
    if (!expected.has(name) && !(starred && name.startsWith('*'))) throw refuse(where, 'only tensors of its architecture', `'${name}'`)
}

export function refuse(where: string, expected: string, actual: string, cause?: unknown): FileFormatError {
  return new FileFormatError(expectation(where, expected, actual), cause === undefined ? {} : { cause })
}
