import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import type { LoadOptions } from '../training/model.js'
import { nonEmpty } from './arguments.js'

/** What a model file does not hold, and a module is asked for. */
export type GivenCode = Pick<LoadOptions, 'model' | 'layers'>

export interface CodeArguments {
  readonly module?: string
}

export function addCodeOption(command: Command): Command {
  return command.option(
    '--module <file>',
    'a JavaScript file that exports what the model file does not hold: modelFunction, the function that the model was made of, and layers, those of your own',
    nonEmpty
  )
}

/** The options of `loadModel` that the module's exports stand for. */
export async function readModelCode(file: string | undefined): Promise<GivenCode> {
  if (file === undefined) return {}
  const { modelFunction, layers } = (await import(pathToFileURL(path.resolve(file)).href)) as Record<string, unknown>
  if (modelFunction === undefined && layers === undefined)
    throw new Error(`${file}: expected a module that exports modelFunction or layers, got neither`)
  return {
    ...(modelFunction === undefined ? {} : { model: modelFunction as NonNullable<GivenCode['model']> }),
    ...(layers === undefined ? {} : { layers: layers as NonNullable<GivenCode['layers']> })
  }
}
