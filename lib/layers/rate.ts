import { outOfRange } from '../errors.js'

/** Throws unless it is a rate of dropout. */
export function checkRate(owner: string, rate: unknown): void {
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) throw outOfRange(owner, 'a rate from 0 to 1', rate)
}
