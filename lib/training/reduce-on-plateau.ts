import { checkOptions, integerOption, numberOption } from '../options.js'
import type { Callback, FitControl } from './callbacks.js'
import { Monitor, type MonitorOptions, monitorNotes, monitorOptions } from './monitor.js'

export interface ReduceOnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied with, above 0 and below 1; default 0.1. */
  factor?: number
  /** Epochs without improvement before it is; default 10. */
  patience?: number
  /** Below this the rate is not taken; default 0. */
  minLearningRate?: number
  /** Epochs after a reduction in which none is counted; default 0. */
  cooldown?: number
}

const owner = 'reduceOnPlateau'

/**
 * Multiplies the learning rate with `factor` when a value has not improved by more than `minDelta` (default 1e-4) for
 * `patience` epochs, but takes it no lower than `minLearningRate`. After a reduction the next `cooldown` epochs are not
 * counted. A value that is NaN or infinite is no improvement.
 *
 * The product of all reductions is `trainer.learningRateFactor`: it scales what the optimizer's schedule says, stays for
 * later fits of the trainer, and is kept by checkpoints.
 *
 * Semantics are those of Keras's ReduceLROnPlateau.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range; during the fit RangeError for a
 * monitor that its records do not have
 * @example
 * await trainer.fit({ x, y }, { epochs: 20, validation: 0.2, callbacks: [reduceOnPlateau({ factor: 0.5, patience: 2 })] })
 */
export function reduceOnPlateau(options?: ReduceOnPlateauOptions): Callback {
  const given = checkOptions(owner, options, [...monitorOptions, 'factor', 'patience', 'minLearningRate', 'cooldown'], {
    ...monitorNotes,
    minLr: 'Use minLearningRate',
    min_lr: 'Use minLearningRate'
  })
  return new ReduceOnPlateau(new Monitor(owner, given, 1e-4), {
    factor: numberOption(owner, 'factor', given.factor, 0.1, { above: 0, below: 1 }),
    patience: integerOption(owner, 'patience', given.patience, 10, { atLeast: 0 }),
    minLearningRate: numberOption(owner, 'minLearningRate', given.minLearningRate, 0, { atLeast: 0 }),
    cooldown: integerOption(owner, 'cooldown', given.cooldown, 0, { atLeast: 0 })
  })
}

class ReduceOnPlateau implements Callback {
  readonly kind = owner
  readonly #monitor: Monitor
  readonly #settings: Required<Omit<ReduceOnPlateauOptions, keyof MonitorOptions>>
  #wait = 0
  #cooldown = 0

  constructor(monitor: Monitor, settings: Required<Omit<ReduceOnPlateauOptions, keyof MonitorOptions>>) {
    this.#monitor = monitor
    this.#settings = settings
  }

  onFitStart(fit: FitControl): void {
    this.#monitor.start(fit)
    this.#wait = this.#cooldown = 0
  }

  onEpoch(...[record, { trainer }]: Parameters<NonNullable<Callback['onEpoch']>>): void {
    const { factor, patience, minLearningRate, cooldown } = this.#settings
    const improved = this.#monitor.improves(this.#monitor.read(record))
    if (this.#cooldown > 0) {
      this.#cooldown--
      this.#wait = 0
    }
    if (improved) this.#wait = 0
    if (improved || this.#cooldown > 0) return
    if (++this.#wait < patience) return
    const rate = trainer.learningRate
    if (rate <= minLearningRate) return
    trainer.learningRateFactor *= Math.max(factor, minLearningRate / rate)
    this.#cooldown = cooldown
    this.#wait = 0
  }

  state() {
    return { best: this.#monitor.best ?? null, wait: this.#wait, cooldown: this.#cooldown }
  }

  restore(...[state]: Parameters<NonNullable<Callback['restore']>>): void {
    const { best, wait, cooldown } = state as ReturnType<ReduceOnPlateau['state']>
    this.#monitor.best = best ?? undefined
    this.#wait = wait
    this.#cooldown = cooldown
  }
}
