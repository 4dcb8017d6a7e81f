import { wrongKind } from '../errors.js'

/** The option `name` of a metric: the key of its result. */
export function nameOption(owner: string, value: unknown, fallback: string): string {
  if (value === undefined) return fallback
  if (typeof value === 'string' && value !== '') return value
  throw wrongKind(owner, 'name to be a string, the key of the result', value)
}
