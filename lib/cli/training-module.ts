import type { AnyTrainingData } from '../training/evaluate-data.js'
import type { AnyFitOptions } from '../training/fit.js'
import type { Model } from '../training/model.js'
import type { AnyInput, AnyOutput } from '../training/model-types.js'
import type { TrainerOptions } from '../training/training-state.js'
import { importModule } from './import-module.js'

/** What the command line was told, for modules that make their model or data by it. */
export interface TrainingArguments {
  readonly seed: number | undefined
  readonly backend: 'auto' | 'native' | 'portable'
  readonly threads: number | undefined
}

type Given<T> = T | ((settings: TrainingArguments) => T | Promise<T>)

/**
 * What `evenkeel train` reads from a module: its exports, or the properties of its default export. `model`, `data` and
 * `validation` may be functions, called with seed, backend and threads of the command line.
 */
export interface TrainingModule extends TrainerOptions<AnyOutput>, Pick<AnyFitOptions, (typeof fitOptionNames)[number]> {
  readonly model: Given<Model<AnyInput, AnyOutput>>
  readonly data: Given<AnyTrainingData>
  readonly validation?: Given<AnyTrainingData | number>
}

const fitOptionNames = ['epochs', 'batchSize', 'shuffle', 'lastBatch', 'metrics', 'callbacks'] as const
const required = ['model', 'data', 'loss', 'optimizer'] as const

export interface Training {
  readonly model: Model<AnyInput, AnyOutput>
  readonly data: AnyTrainingData
  readonly trainer: TrainerOptions<AnyOutput>
  readonly fit: AnyFitOptions
}

export async function readTrainingModule(file: string, settings: TrainingArguments): Promise<Training> {
  const loaded = await importModule(file)
  const exported = (loaded.default ?? {}) as Record<string, unknown>
  const given = { ...loaded, ...(typeof exported === 'object' ? exported : {}) } as Partial<TrainingModule>
  for (const name of required)
    if (given[name] === undefined)
      throw new Error(`${file}: expected a module that exports ${required.join(', ')}, got none called ${name}`)
  const model = await resolved(given.model!, settings)
  if (typeof model?.trainer !== 'function')
    throw new Error(`${file}: expected model to be what createModel or loadModel gives, or a function that gives one`)
  const validation = given.validation === undefined ? undefined : await resolved(given.validation, settings)
  const fit = Object.fromEntries(fitOptionNames.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])))
  const { loss, optimizer, lossWeights } = given
  return {
    model,
    data: (await resolved(given.data!, settings)) as Training['data'],
    trainer: { loss: loss!, optimizer: optimizer!, ...(lossWeights === undefined ? {} : { lossWeights }) },
    fit: { ...fit, ...(validation === undefined ? {} : { validation }) }
  }
}

async function resolved<T>(given: Given<T>, settings: TrainingArguments): Promise<T> {
  return typeof given === 'function' ? await (given as (settings: TrainingArguments) => T | Promise<T>)(settings) : given
}
