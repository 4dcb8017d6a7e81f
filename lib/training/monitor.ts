import { expectation, outOfRange, withCode, wrongKind } from '../errors.js'
import { choiceOption, nearest, numberOption } from '../options.js'
import type { FitControl } from './callbacks.js'
import type { EpochRecord, ValidationKey } from './history.js'

export interface MonitorOptions {
  /**
   * Which value of an epoch's record is watched; default `validationLoss`. Of a model with names for its outputs also
   * `'losses.price'` and `'validationPrice.loss'`.
   */
  monitor?: 'loss' | `losses.${string}` | ValidationKey
  /** Whether less or more is better; default 'auto': by the name, which must then be one whose sense is known. */
  mode?: 'auto' | 'min' | 'max'
  /** By how much a value must beat the best to count. */
  minDelta?: number
}

export const monitorOptions = ['monitor', 'mode', 'minDelta'] as const

/** What people bring from elsewhere. */
export const monitorNotes = {
  min_delta: 'Use minDelta',
  verbose: 'The fit is silent; tell what you like in onEpoch'
}

/** Numbers of a record that say nothing of how good it is. */
const notValues: readonly string[] = ['epoch', 'steps', 'learningRate', 'seconds', 'samplesPerSecond']

/** Watches one value of the epochs' records and knows the best one. */
export class Monitor {
  readonly #owner: string
  readonly #name: string
  readonly #sign: 1 | -1
  readonly #minDelta: number
  best: number | undefined

  constructor(owner: string, given: Readonly<MonitorOptions>, defaultDelta: number) {
    this.#owner = owner
    const name: unknown = given.monitor ?? 'validationLoss'
    if (typeof name !== 'string' || name === '') throw wrongKind(owner, `monitor to be a name such as 'validationLoss'`, name)
    this.#name = name
    const mode = choiceOption(owner, 'mode', given.mode, 'auto', ['auto', 'min', 'max'])
    this.#sign = (mode === 'auto' ? direction(owner, name) : mode) === 'min' ? 1 : -1
    this.#minDelta = numberOption(owner, 'minDelta', given.minDelta, defaultDelta, { atLeast: 0 })
  }

  /** Forgets what it saw; refuses a fit whose records cannot have the value. */
  start({ validates }: FitControl): void {
    this.best = undefined
    if (validates || !this.#name.startsWith('validation')) return
    const expected = `a fit with validation for monitor '${this.#name}'`
    throw withCode(
      new RangeError(expectation(this.#owner, expected, 'one without', `Give fit a validation set, or use monitor: 'loss'`)),
      'EVENKEEL_RANGE'
    )
  }

  /** The record's value. */
  read(record: EpochRecord): number {
    const losses = Object.entries(record.losses ?? {}).map(([name, loss]) => [`losses.${name}`, loss])
    const values: Readonly<Record<string, unknown>> = { ...record, ...Object.fromEntries(losses) }
    const value = values[this.#name]
    if (typeof value === 'number' && !notValues.includes(this.#name)) return value
    const names = Object.keys(values).filter((name) => typeof values[name] === 'number' && !notValues.includes(name))
    const near = nearest(this.#name, names)
    const advice = near === undefined ? undefined : `Did you mean '${near}'?`
    throw outOfRange(this.#owner, `monitor to be one of ${names.map((name) => `'${name}'`).join(', ')}`, this.#name, advice)
  }

  /** Whether `value` beats the best by more than minDelta; it is the best then. NaN and infinities never do. */
  improves(value: number): boolean {
    if (!Number.isFinite(value)) return false
    if (this.best !== undefined && !(this.#sign * value < this.#sign * this.best - this.#minDelta)) return false
    this.best = value
    return true
  }
}

function direction(owner: string, name: string): 'min' | 'max' {
  const plain = name.replace(/^validation/, '').toLowerCase()
  if (/loss|error|mae|mse|perplexity/.test(plain)) return 'min'
  if (/accuracy|precision|recall|auc|^f\d|^r2|topk|^top\d/.test(plain)) return 'max'
  throw outOfRange(owner, `mode 'min' or 'max' for monitor '${name}', whose name does not say which is better`, 'auto')
}
