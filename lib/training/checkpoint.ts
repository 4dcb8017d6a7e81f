import { outOfRange } from '../errors.js'
import { booleanOption, checkOptions, expectPath, integerOption } from '../options.js'
import type { Callback, FitControl, JsonValue } from './callbacks.js'
import type { EpochRecord, StepRecord } from './history.js'
import { Monitor, type MonitorOptions, monitorNotes, monitorOptions } from './monitor.js'

export interface CheckpointOptions extends MonitorOptions {
  /** Where the checkpoint is written, again and again. */
  path: string | URL
  /** Epochs between two checkpoints; default 1. */
  everyEpochs?: number
  /** Steps between two checkpoints inside of an epoch, at least: they are written between crossings. Omitted: none. */
  everySteps?: number
  /** Only after an epoch that is better than all before it, by `monitor`; default false. */
  best?: boolean
}

const owner = 'checkpoint'

/**
 * Writes the trainer's checkpoint after epochs (once every other callback has heard of them) and, with `everySteps`,
 * between steps. `fit` with `resume` and the same path goes on from it, to the same bits as a fit that ran through.
 *
 * `best` keeps the best epoch instead of the last; `monitor`, `mode` and `minDelta` say which that is, as for
 * `earlyStopping`.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range; during the fit RangeError for a
 * monitor that its records do not have, and the system's error where the file cannot be written
 * @example
 * const path = 'run.safetensors'
 * await trainer.fit({ x, y }, { epochs: 10, resume: path, callbacks: [checkpoint({ path, everyEpochs: 2 })] })
 */
export function checkpoint(options: CheckpointOptions): Callback {
  const given = checkOptions(owner, options, ['path', 'everyEpochs', 'everySteps', 'best', ...monitorOptions], {
    ...monitorNotes,
    saveBestOnly: 'Use best',
    filepath: 'Use path'
  })
  const path = expectPath(owner, given.path)
  const everyEpochs = integerOption(owner, 'everyEpochs', given.everyEpochs, 1, { atLeast: 1 })
  const everySteps = integerOption(owner, 'everySteps', given.everySteps, Number.MAX_SAFE_INTEGER, { atLeast: 1 })
  const best = booleanOption(owner, 'best', given.best, false)
  for (const name of monitorOptions)
    if (!best && given[name] !== undefined) throw outOfRange(owner, `${name} together with best: true`, given[name])
  if (best && given.everySteps !== undefined)
    throw outOfRange(owner, 'no everySteps together with best, which is told from epochs', given.everySteps)
  return new Checkpoint(path, everyEpochs, everySteps, best ? new Monitor(owner, given, 0) : undefined)
}

class Checkpoint implements Callback {
  readonly kind = owner
  readonly #path: string | URL
  readonly #everyEpochs: number
  readonly #everySteps: number
  readonly #monitor: Monitor | undefined
  #lastStep = 0
  /** Only where it is wanted: steps are told one by one. */
  readonly onStep?: (record: StepRecord, fit: FitControl) => Promise<void>

  constructor(path: string | URL, everyEpochs: number, everySteps: number, monitor: Monitor | undefined) {
    this.#path = path
    this.#everyEpochs = everyEpochs
    this.#everySteps = everySteps
    this.#monitor = monitor
    if (everySteps < Number.MAX_SAFE_INTEGER) this.onStep = (record, { trainer }) => this.#step(record, trainer)
  }

  onFitStart(fit: FitControl): void {
    this.#monitor?.start(fit)
    this.#lastStep = fit.trainer.steps
  }

  async #step({ step }: StepRecord, trainer: FitControl['trainer']): Promise<void> {
    // Steps are told after the crossing that ran them: the model is as it was after the last.
    if (step + 1 < trainer.steps || trainer.steps - this.#lastStep < this.#everySteps) return
    await this.#save(trainer)
  }

  async afterEpoch(record: EpochRecord, { trainer }: FitControl): Promise<void> {
    if ((record.epoch + 1) % this.#everyEpochs !== 0) return
    if (this.#monitor && !this.#monitor.improves(this.#monitor.read(record))) return
    await this.#save(trainer)
  }

  async #save(trainer: FitControl['trainer']): Promise<void> {
    this.#lastStep = trainer.steps
    await trainer.saveCheckpoint(this.#path)
  }

  state(): JsonValue {
    return { best: this.#monitor?.best ?? null }
  }

  restore(state: JsonValue): void {
    const { best } = (state ?? {}) as { best?: number | null }
    if (this.#monitor) this.#monitor.best = best ?? undefined
  }
}
