import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FitOptions } from '../training/fit.js'
import type { Model } from '../training/model.js'
import type { TrainerOptions } from '../training/training-state.js'

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
export interface TrainingModule extends TrainerOptions, Pick<FitOptions, (typeof fitOptionNames)[number]> {
  readonly model: Given<Model>
  readonly data: Given<Parameters<ReturnType<Model['trainer']>['fit']>[0]>
  readonly validation?: Given<NonNullable<FitOptions['validation']>>
}

const fitOptionNames = ['epochs', 'batchSize', 'shuffle', 'lastBatch', 'metrics', 'callbacks'] as const
const required = ['model', 'data', 'loss', 'optimizer'] as const

export interface Training {
  readonly model: Model
  readonly data: Parameters<ReturnType<Model['trainer']>['fit']>[0]
  readonly trainer: TrainerOptions
  readonly fit: FitOptions
}

export async function readTrainingModule(file: string, settings: TrainingArguments): Promise<Training> {
  const loaded = (await import(pathToFileURL(path.resolve(file)).href)) as Record<string, unknown>
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
  const { loss, optimizer, lossWeights } = given as TrainerOptions & { lossWeights?: unknown }
  return {
    model,
    data: (await resolved(given.data!, settings)) as Training['data'],
    trainer: { loss, optimizer, ...(lossWeights === undefined ? {} : { lossWeights }) } as TrainerOptions,
    fit: { ...fit, ...(validation === undefined ? {} : { validation }) } as FitOptions
  }
}

async function resolved<T>(given: Given<T>, settings: TrainingArguments): Promise<T> {
  return typeof given === 'function' ? await (given as (settings: TrainingArguments) => T | Promise<T>)(settings) : given
}
