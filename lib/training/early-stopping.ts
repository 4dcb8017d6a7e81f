import { booleanOption, checkOptions, integerOption } from '../options.js'
import type { Callback, FitControl, Weights } from './callbacks.js'
import { Monitor, type MonitorOptions, monitorNotes, monitorOptions } from './monitor.js'

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement that are waited for; default 0: the first that is no better ends the fit. */
  patience?: number
  /** Whether the fit ends with the parameters and buffers of its best epoch instead of those of its last; default false. */
  restoreBest?: boolean
}

const owner = 'earlyStopping'

/**
 * Ends a fit when a value has not improved for `patience` epochs: with less than `best − minDelta` (or more than
 * `best + minDelta` where `mode` is 'max') an epoch is better than the best before it. `minDelta` is 0 by default. A
 * value that is NaN or infinite is no improvement.
 *
 * `restoreBest` keeps a copy of the best epoch's parameters and buffers in memory, and gives it to the model at the end
 * of the fit, also where all its epochs ran. The optimizer's state stays that of the last step.
 *
 * Prechelt, "Early Stopping — But When?" (1998); semantics are those of Keras's EarlyStopping.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range; during the fit RangeError for a
 * monitor that its records do not have
 * @example
 * await trainer.fit({ x, y }, { epochs: 20, validation: 0.2, callbacks: [earlyStopping({ patience: 3, restoreBest: true })] })
 */
export function earlyStopping(options?: EarlyStoppingOptions): Callback {
  const given = checkOptions(owner, options, [...monitorOptions, 'patience', 'restoreBest'], {
    ...monitorNotes,
    restoreBestWeights: 'Use restoreBest'
  })
  const patience = integerOption(owner, 'patience', given.patience, 0, { atLeast: 0 })
  const restoreBest = booleanOption(owner, 'restoreBest', given.restoreBest, false)
  return new EarlyStopping(new Monitor(owner, given, 0), patience, restoreBest)
}

class EarlyStopping implements Callback {
  readonly kind = owner
  readonly #monitor: Monitor
  readonly #patience: number
  readonly #restoreBest: boolean
  #fit: FitControl | undefined
  #wait = 0
  #stopped = false
  #bestWeights: Weights | undefined

  constructor(monitor: Monitor, patience: number, restoreBest: boolean) {
    this.#monitor = monitor
    this.#patience = patience
    this.#restoreBest = restoreBest
  }

  onFitStart(fit: FitControl): void {
    this.#monitor.start(fit)
    this.#fit = fit
    this.#wait = 0
    this.#stopped = false
    this.#bestWeights = undefined
  }

  async onEpoch(...[record, fit]: Parameters<NonNullable<Callback['onEpoch']>>): Promise<void> {
    if (this.#monitor.improves(this.#monitor.read(record))) {
      this.#wait = 0
      if (this.#restoreBest) this.#bestWeights = await fit.copyWeights()
      return
    }
    this.#wait++
    // The first epoch has nothing to be compared with, whatever its value.
    if (this.#wait < Math.max(this.#patience, this.#monitor.best === undefined ? 2 : 1)) return
    this.#stopped = true
    fit.stop()
  }

  async onFitEnd(...[, fit]: Parameters<NonNullable<Callback['onFitEnd']>>): Promise<void> {
    const weights = this.#bestWeights
    this.#bestWeights = undefined
    if (weights) await fit.restoreWeights(weights)
  }

  state() {
    return { best: this.#monitor.best ?? null, wait: this.#wait, stopped: this.#stopped }
  }

  tensors(): Weights {
    return this.#bestWeights ?? {}
  }

  restore(...[state, tensors]: Parameters<NonNullable<Callback['restore']>>): void {
    const { best, wait, stopped } = state as ReturnType<EarlyStopping['state']>
    this.#monitor.best = best ?? undefined
    this.#wait = wait
    this.#stopped = stopped
    if (this.#restoreBest && Object.keys(tensors).length > 0) this.#bestWeights = tensors
    if (stopped) this.#fit?.stop()
  }
}
