import { BackendError, type ErrorCode } from '../errors.js'

/** Runs `action`; what the addon throws becomes an error of the library, with the owner's name in front. */
export function guarded<T>(owner: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw translated(owner, error)
  }
}

/** TypeErrors and RangeErrors stay what they are; the rest says what the backend could not do. */
export function translated(owner: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError || error instanceof BackendError) return error
  const { code } = error as { code?: unknown }
  const known = typeof code === 'string' && code.startsWith('EVENKEEL_') ? { code: code as ErrorCode } : {}
  return new BackendError(`${owner}: ${error.message}`, { ...known, cause: error })
}
