import { type ErrorDetails, expectation, FileFormatError, wrongKind } from '../errors.js'
import type { ModelState } from '../inference/model-state.js'
import { expectedTensors } from '../io/model-file.js'
import { expectSource } from '../io/paths.js'
import { fileName, openSafetensors } from '../io/safetensors.js'
import { booleanOption, checkOptions } from '../options.js'
import { formatShape, sameShape } from '../shape.js'
import type { Tensor } from '../tensor.js'

export interface LoadWeightsOptions {
  /** Whether a name that is missing, unexpected or mismatched is an error; default true. Otherwise what fits is loaded. */
  readonly strict?: boolean
  /** The model's name for each name of the file; what it does not name keeps its own, undefined leaves it out. */
  readonly map?: Readonly<Record<string, string>> | ((name: string) => string | undefined)
}

/** What became of the names. */
export interface LoadedWeights {
  readonly loaded: readonly string[]
  /** Of the model, without a tensor in the file. */
  readonly missing: readonly string[]
  /** Of the file (as it calls them), without a place in the model. */
  readonly unexpected: readonly string[]
  /** Of the model, where the file's has another shape or type: `F32 [3, 4]`. */
  readonly mismatched: readonly MismatchedWeight[]
}

export interface MismatchedWeight {
  readonly name: string
  readonly expected: string
  readonly actual: string
}

/** A file of weights that does not fit the model. Nothing was loaded. */
export class WeightsError extends FileFormatError implements Omit<LoadedWeights, 'loaded'> {
  readonly missing: readonly string[]
  readonly unexpected: readonly string[]
  readonly mismatched: readonly MismatchedWeight[]

  constructor(message: string, lists: Omit<LoadedWeights, 'loaded'>, details: ErrorDetails = {}) {
    super(message, { code: 'EVENKEEL_WEIGHTS', ...details })
    this.missing = lists.missing
    this.unexpected = lists.unexpected
    this.mismatched = lists.mismatched
  }
}

export async function loadWeights(
  owner: string,
  model: ModelState,
  given: unknown,
  options: LoadWeightsOptions | undefined
): Promise<LoadedWeights> {
  const checked = checkOptions(owner, options, ['strict', 'map'])
  const strict = booleanOption(owner, 'strict', checked.strict, true)
  const rename = renaming(owner, checked.map)
  const source = expectSource(owner, given)
  model.gate.assertOpen(owner)
  if (model.training !== undefined) model.gate.assertIdle(owner)
  const file = await openSafetensors(owner, source)
  try {
    const { sources, ...lists } = match(owner, model, file.tensors, rename)
    if (strict && lists.missing.length + lists.unexpected.length + lists.mismatched.length > 0)
      throw new WeightsError(
        expectation(fileName(owner, source), 'the weights of the model', sentence(lists), 'Rename with map, or give strict: false'),
        lists
      )
    const read: [string, Tensor<Float32Array | Float64Array>][] = []
    for (const [name, inFile] of sources)
      read.push([name, { data: (await file.read(inFile)) as Float32Array | Float64Array, shape: file.tensors.get(inFile)!.shape }])
    // Those that the file lacks keep the numbers they have, or would have had.
    await model.settle()
    await model.restoreWeights(owner, Object.fromEntries(read))
    return { loaded: [...sources.keys()], ...lists }
  } finally {
    await file.close()
  }
}

function renaming(owner: string, map: unknown): (name: string) => string | undefined {
  if (map === undefined) return (name) => name
  if (typeof map === 'function')
    return (name) => {
      const renamed: unknown = map(name)
      if (renamed === undefined || typeof renamed === 'string') return renamed
      throw wrongKind(owner, `map('${name}') to be a name or undefined`, renamed)
    }
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw wrongKind(owner, 'map to be names by name, or a function', map, "Such as { 'fc1.weight': 'hidden.weight' }")
  for (const [name, renamed] of Object.entries(map))
    if (renamed !== undefined && typeof renamed !== 'string') throw wrongKind(owner, `map['${name}'] to be a name`, renamed)
  return (name) => (Object.hasOwn(map, name) ? (map as Record<string, string | undefined>)[name] : name)
}

type FileTensors = Awaited<ReturnType<typeof openSafetensors>>['tensors']

function match(owner: string, model: ModelState, tensors: FileTensors, rename: (name: string) => string | undefined) {
  const expected = expectedTensors(model.description)
  const sources = new Map<string, string>()
  const unexpected: string[] = []
  const mismatched: MismatchedWeight[] = []
  const named = new Map<string, string>()
  for (const [inFile, { type, shape }] of tensors) {
    // The rest of a checkpoint.
    if (inFile.startsWith('*')) continue
    const name = rename(inFile)
    if (name === undefined) continue
    const wanted = expected.get(name)
    const before = named.get(name)
    if (before !== undefined)
      throw new FileFormatError(expectation(owner, `one tensor for '${name}'`, `'${before}' and '${inFile}'`), { code: 'EVENKEEL_WEIGHTS' })
    named.set(name, inFile)
    if (!wanted) unexpected.push(inFile)
    else if (wanted.type === type && sameShape(wanted.shape, shape)) sources.set(name, inFile)
    else mismatched.push({ name, expected: `${wanted.type} ${formatShape(wanted.shape)}`, actual: `${type} ${formatShape(shape)}` })
  }
  const missing = [...expected.keys()].filter((name) => !named.has(name))
  return { sources, missing, unexpected, mismatched }
}

function sentence({ missing, unexpected, mismatched }: Omit<LoadedWeights, 'loaded'>): string {
  const lists = {
    missing,
    unexpected,
    mismatched: mismatched.map(({ name, expected, actual }) => `${name} as ${actual} instead of ${expected}`)
  }
  const parts = Object.entries(lists).flatMap(([what, names]) => {
    if (names.length === 0) return []
    return [`${names.length} ${what} (${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''})`]
  })
  return parts.join(', ')
}
