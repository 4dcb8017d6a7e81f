import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { backendChoices } from '../runtime/select.js'

/** A parser of whole numbers for an option. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(
        most === Number.MAX_SAFE_INTEGER ? `Expected an integer of at least ${least}.` : `Expected an integer from ${least} to ${most}.`
      )
    return value
  }
}

export function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected the name of a file.')
  return text
}

/** Which backend runs, and on how many threads. */
export interface BackendArguments {
  readonly backend: 'auto' | 'native' | 'portable'
  readonly threads?: number
}

export function addBackendOptions(command: Command): Command {
  return command
    .addOption(new Option('--backend <name>', 'what runs the model').choices(backendChoices).default('auto'))
    .option('--threads <n>', 'threads at most (default: what the machine has)', integer(1, 256))
}

/** Before anything is computed: a result that could not be written would be lost. */
export async function refuseOutput(output: string, force: boolean): Promise<void> {
  const folder = path.dirname(path.resolve(output))
  if (!(await canAccess(folder, constants.W_OK)))
    throw new Error(`expected an output file in a folder that can be written to, got ${output}: ${folder} is none`)
  if (!force && (await canAccess(output)))
    throw new Error(`expected an output file that does not exist yet, got ${output}. Give --force to replace it`)
}

async function canAccess(file: string, mode?: number): Promise<boolean> {
  return await access(file, mode).then(
    () => true,
    () => false
  )
}
