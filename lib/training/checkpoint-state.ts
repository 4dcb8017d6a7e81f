import { lastBatchChoices } from '../data/batches.js'
import { expectation, FileFormatError } from '../errors.js'
import type { JsonValue } from './callbacks.js'
import type { EpochCut } from './position.js'

/** What a callback remembers, as a checkpoint holds it; its tensors beside. */
export interface CallbackState {
  readonly kind: string
  readonly state: JsonValue
  /** Names of its tensors. */
  readonly tensors: readonly string[]
}

/** What a checkpoint holds besides the tensors: the JSON of its metadata `checkpoint`. */
export interface CheckpointState {
  readonly steps: number
  readonly epochs: number
  readonly learningRateFactor: number
  readonly optimizer: { readonly kind: string; readonly states: readonly string[] }
  /** Names of the parameters that are frozen. */
  readonly frozen: readonly string[]
  readonly position: {
    readonly cut: EpochCut
    readonly batch: number
    readonly skipped: number
    readonly learningRate: number
    readonly sums: readonly number[]
  } | null
  readonly callbacks: readonly CallbackState[]
}

const count = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const finite = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const texts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string')
const fields = (value: unknown): Record<string, unknown> =>
  (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}) as Record<string, unknown>

/** The JSON of a file, checked: nothing of it is trusted. */
export function checkpointState(where: string, json: unknown): CheckpointState {
  const given = fields(json)
  const optimizer = fields(given.optimizer)
  const holds =
    count(given.steps) &&
    count(given.epochs) &&
    finite(given.learningRateFactor) &&
    (given.learningRateFactor as number) >= 0 &&
    typeof optimizer.kind === 'string' &&
    texts(optimizer.states) &&
    texts(given.frozen) &&
    (given.position === null || isPosition(fields(given.position))) &&
    Array.isArray(given.callbacks) &&
    given.callbacks.every((callback) => isCallback(fields(callback)))
  if (!holds) throw new FileFormatError(expectation(where, "a checkpoint's state in the metadata 'checkpoint'", 'something else'))
  return json as CheckpointState
}

function isPosition({ cut, batch, skipped, learningRate, sums }: Record<string, unknown>): boolean {
  const { rows, largest, lastBatch, shuffle } = fields(cut)
  return (
    [rows, largest, batch, skipped].every(count) &&
    lastBatchChoices.includes(lastBatch as never) &&
    typeof shuffle === 'boolean' &&
    finite(learningRate) &&
    Array.isArray(sums) &&
    sums.every(finite)
  )
}

function isCallback({ kind, state, tensors }: Record<string, unknown>): boolean {
  return typeof kind === 'string' && state !== undefined && texts(tensors)
}
