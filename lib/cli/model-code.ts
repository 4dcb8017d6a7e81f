import type { Command } from 'commander'
import type { LoadOptions } from '../training/model.js'
import { nonEmpty } from './arguments.js'
import { importModule } from './import-module.js'

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
  const { modelFunction, layers } = await importModule(file)
  if (modelFunction === undefined && layers === undefined)
    throw new Error(`${file}: expected a module that exports modelFunction or layers, got neither`)
  return {
    ...(modelFunction === undefined ? {} : { model: modelFunction as NonNullable<GivenCode['model']> }),
    ...(layers === undefined ? {} : { layers: layers as NonNullable<GivenCode['layers']> })
  }
}

const advices: Readonly<Record<string, (message: string, code: GivenCode) => string>> = {
  EVENKEEL_UNKNOWN_LAYER: (message) =>
    `${message.split('. Give ')[0]}. Export what defineLayer gave for it as layers: [...] of a JavaScript file, and give that with --module FILE`,
  EVENKEEL_MODEL_FUNCTION: (_, { model }) =>
    model
      ? 'It was saved from layers: take a --module FILE that exports no modelFunction'
      : 'It was saved from a function, which files do not hold. Export that as modelFunction of a JavaScript file, and give it with --module FILE'
}

/** Whether an error is for want of code that files do not hold, or of code that does not fit. */
export const isAboutCode = (error: unknown): boolean => Object.hasOwn(advices, String((error as { code?: unknown } | undefined)?.code))

/** Opens a model of code from a module. Errors about that code speak of --module: who is here has no options of `loadModel`. */
export async function withModuleAdvice<T>(file: string, code: GivenCode, opened: Promise<T>): Promise<T> {
  return await opened.catch((cause: Error & { code: string }) => {
    if (!isAboutCode(cause)) throw cause
    throw Object.assign(new Error(`${file}: ${advices[cause.code]!(cause.message.replace(/^loadModel: /, ''), code)}`, { cause }), {
      code: cause.code
    })
  })
}
