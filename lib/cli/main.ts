#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { libraryVersion } from '../io/model-file.js'
import { doctorCommand } from './doctor.js'
import { ExitCode, Interrupted } from './exit.js'
import { inspectCommand } from './inspect.js'
import { predictCommand } from './predict.js'
import { trainCommand } from './train.js'

const program = new Command('evenkeel')
  .description('Trains neural networks, scores files with them, and looks into them.')
  .version(libraryVersion)
  .showHelpAfterError('(--help lists the options)')
  .exitOverride()
  .addHelpText(
    'after',
    `\nExit codes: ${ExitCode.done} done, ${ExitCode.failed} failed, ${ExitCode.usage} wrong usage, ${ExitCode.interrupted} interrupted (what was asked to be saved is saved).`
  )
for (const command of [trainCommand(), predictCommand(), inspectCommand(), doctorCommand()]) {
  command.copyInheritedSettings(program)
  program.addCommand(command)
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

/** Commander has said what is wrong with the usage, or has shown the help that was asked for. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
  if (error instanceof Interrupted) return ExitCode.interrupted
  const { message = String(error), stack } = (error ?? {}) as Error
  console.error(process.env.EVENKEEL_DEBUG ? (stack ?? message) : message)
  return ExitCode.failed
}
