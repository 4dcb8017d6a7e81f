import { BackendError, expectation, wrongKind } from '../errors.js'
import type { Tensor } from '../tensor.js'
import type { EpochRecord, History, StepRecord } from './history.js'
import type { AnyTrainer } from './trainer.js'

/** What JSON holds. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Parameters and buffers by name: a copy, or one to be taken over. */
export type Weights = Readonly<Record<string, Tensor<Float32Array | Float64Array>>>

/** What a callback may do with the fit that calls it. */
export interface FitControl {
  readonly trainer: AnyTrainer
  /** Epochs that the fit was asked for. */
  readonly epochs: number
  /** Whether the fit evaluates after each epoch, so that its records have `validationLoss`. */
  readonly validates: boolean
  /** Ends the fit after the step on its way, or after this epoch; its history says `stopped`. */
  stop(): void
  /** A copy of the model's parameters and buffers as they are now, made in slices. */
  copyWeights(): Promise<Weights>
  /** Gives the model the numbers of such a copy. The optimizer's state stays. */
  restoreWeights(weights: Weights): Promise<void>
}

/**
 * What `fit` calls on its way. All methods are optional, may be asynchronous and are awaited, callback after callback in
 * the order of the option; what one throws rejects the fit.
 *
 * A callback serves one fit at a time and begins anew at `onFitStart`. One that remembers something from epoch to epoch
 * gives it as `state`, so that a checkpoint can hold it and a resumed fit goes on as if it had never stopped.
 *
 * @example
 * const lines: string[] = []
 * await trainer.fit({ x, y }, { callbacks: [{ kind: 'log', onEpoch: ({ epoch, loss }) => void lines.push(`${epoch} ${loss}`) }] })
 */
export interface Callback {
  /** What it is, for messages and to find its state in a checkpoint: `earlyStopping`. */
  readonly kind: string
  /** Before the first step; a callback forgets an earlier fit here. */
  onFitStart?(fit: FitControl): unknown
  /** For each step in order, after the crossing that ran it. */
  onStep?(record: StepRecord, fit: FitControl): unknown
  /** After each complete epoch and its validation. */
  onEpoch?(record: EpochRecord, fit: FitControl): unknown
  /** After `onEpoch` of every callback and the fit's own: sees what they decided. For checkpoints. */
  afterEpoch?(record: EpochRecord, fit: FitControl): unknown
  /** After the last epoch, also where the fit was stopped; not where it rejects. */
  onFitEnd?(history: History, fit: FitControl): unknown
  /** What it remembers, as plain JSON. */
  state?(): JsonValue
  /** Arrays that belong to its state. */
  tensors?(): Weights
  /** After `onFitStart` of a resumed fit: goes on from what `state` and `tensors` gave. */
  restore?(state: JsonValue, tensors: Weights): void
}

const methods = ['onFitStart', 'onStep', 'onEpoch', 'afterEpoch', 'onFitEnd', 'state', 'tensors', 'restore'] as const

/** The option `callbacks`, checked. */
export function callbacksOption(owner: string, value: unknown): readonly Callback[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrongKind(owner, 'callbacks to be an array', value, 'Such as [earlyStopping()]')
  for (const [index, callback] of value.entries()) {
    const what = `callbacks[${index}]`
    const advice = typeof callback === 'function' ? 'Call it: earlyStopping(), not earlyStopping' : undefined
    if (typeof callback !== 'object' || callback === null || typeof callback.kind !== 'string')
      throw wrongKind(owner, `${what} to be a callback, an object with a kind`, callback, advice)
    for (const method of methods)
      if (callback[method] !== undefined && typeof callback[method] !== 'function')
        throw wrongKind(owner, `${what}.${method} to be a function`, callback[method])
  }
  return [...value]
}

const inUse = new WeakSet<Callback>()

/** Runs a fit with callbacks that no other fit has at the same time: they would mix what they remember. */
export async function withCallbacks<T>(owner: string, callbacks: readonly Callback[], body: () => Promise<T>): Promise<T> {
  const taken = callbacks.find((callback, index) => inUse.has(callback) || callbacks.indexOf(callback) !== index)
  if (taken)
    throw new BackendError(expectation(owner, 'callbacks of its own', `${taken.kind} twice at the same time`, 'Make one for each fit'), {
      code: 'EVENKEEL_BUSY'
    })
  for (const callback of callbacks) inUse.add(callback)
  try {
    return await body()
  } finally {
    for (const callback of callbacks) inUse.delete(callback)
  }
}

/** What a callback remembers, with its tensors. */
export interface RestoredCallback {
  readonly kind: string
  readonly state: JsonValue
  readonly tensors: Weights
}

/** Gives the callbacks of a fit that goes on what those of the fit before remembered: each the next of its kind. */
export function restoreCallbacks(callbacks: readonly Callback[], remembered: readonly RestoredCallback[]): void {
  const left = [...remembered]
  for (const callback of callbacks) {
    const index = left.findIndex(({ kind }) => kind === callback.kind)
    if (index < 0) continue
    const { state, tensors } = left.splice(index, 1)[0]!
    callback.restore?.(state, tensors)
  }
}
