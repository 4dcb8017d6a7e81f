export const ExitCode = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Ctrl-C was pressed, and everything that had to be saved is. */
export class Interrupted extends Error {}

/**
 * Calls `stop` at the first Ctrl-C (or SIGTERM); a second one ends the process at once.
 * @returns whether there was one, and what takes the listeners away
 */
export function onInterrupt(stop: () => void): { readonly interrupted: () => boolean; readonly dispose: () => void } {
  let interrupted = false
  const listener = (): void => {
    if (interrupted) process.exit(ExitCode.interrupted)
    interrupted = true
    stop()
  }
  process.on('SIGINT', listener).on('SIGTERM', listener)
  return {
    interrupted: () => interrupted,
    dispose: () => void process.off('SIGINT', listener).off('SIGTERM', listener)
  }
}
