import { wrongKind } from '../errors.js'
import { integerOption, numberOption } from '../options.js'

/** A learning rate that is required. */
export function rateOption(owner: string, name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongKind(owner, `${name} to be a finite number at least 0`, value)
  return numberOption(owner, name, value, 0, { atLeast: 0 })
}

/** A number of steps that is required. */
export function stepsOption(owner: string, name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongKind(owner, `${name} to be an integer at least 1`, value)
  return integerOption(owner, name, value, 1, { atLeast: 1 })
}
