import { FileFormatError, outOfRange, wrongKind } from '../errors.js'
import { checkOptions, numberOption } from '../options.js'
import type { Schedule } from '../programs/types.js'
import { exponentialDecay, polynomialDecay } from './decays.js'
import { oneCycle } from './one-cycle.js'
import { rateOption, stepsOption } from './schedule-options.js'

/** A schedule as JSON: its kind and its options. */
export interface ScheduleJSON {
  readonly kind: string
  readonly [option: string]: unknown
}

/**
 * The same rate at every step. An optimizer's `learningRate: 0.1` is short for `constantRate(0.1)`.
 *
 * @throws TypeError for something else than a number, RangeError for a rate that is negative or not finite
 * @example sgd({ learningRate: constantRate(0.1) })
 */
export function constantRate(learningRate: number): Schedule {
  const rate = rateOption('constantRate', 'learningRate', learningRate)
  return { kind: 'constantRate', options: { learningRate: rate }, base: rate, at: () => rate }
}

export interface StepDecayOptions {
  /** Rate of the first steps. */
  learningRate: number
  /** Steps between two reductions. */
  every: number
  /** What the rate is multiplied with at each; default 0.1, as most published schedules do. */
  factor?: number
}

/**
 * `rate(step) = learningRate · factor^⌊step/every⌋`
 *
 * Steps are optimizer steps, counted from 0: for an epoch of N rows, `every: epochs · Math.ceil(N / batchSize)`.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example sgd({ learningRate: stepDecay({ learningRate: 0.1, every: 1000 }) })
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  const owner = 'stepDecay'
  const given = checkOptions(owner, options, ['learningRate', 'every', 'factor'])
  const learningRate = rateOption(owner, 'learningRate', given.learningRate)
  const every = stepsOption(owner, 'every', given.every)
  const factor = numberOption(owner, 'factor', given.factor, 0.1, { above: 0 })
  return {
    kind: owner,
    options: { learningRate, every, factor },
    base: learningRate,
    at: (step) => learningRate * factor ** Math.floor(step / every)
  }
}

export interface CosineDecayOptions {
  /** Rate of step 0. */
  learningRate: number
  /** The step at which `final` is reached; the rate stays there. */
  steps: number
  /** Default 0. */
  final?: number
}

/**
 * `rate(step) = final + (learningRate − final) · (1 + cos(π · min(step, steps)/steps)) / 2`
 *
 * Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), equation 5, without restarts.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example sgd({ learningRate: cosineDecay({ learningRate: 0.1, steps: 10_000 }), momentum: 0.9 })
 */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  const owner = 'cosineDecay'
  const given = checkOptions(owner, options, ['learningRate', 'steps', 'final'])
  const learningRate = rateOption(owner, 'learningRate', given.learningRate)
  const steps = stepsOption(owner, 'steps', given.steps)
  const final = numberOption(owner, 'final', given.final, 0, { atLeast: 0 })
  return {
    kind: owner,
    options: { learningRate, steps, final },
    base: learningRate,
    at: (step) => final + ((learningRate - final) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps))) / 2
  }
}

export interface WarmUpOptions {
  /** How many steps run below the schedule's first rate. */
  steps: number
  /** What follows; its step 0 is our step `steps`. A number is a constant rate. */
  schedule: Schedule | ScheduleJSON | number
}

/**
 * `rate(step) = schedule(0) · (step + 1)/(steps + 1)` for `step < steps`, then `schedule(step − steps)`.
 *
 * Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour" (2017), section 2.2. The first step
 * already moves: a rate of 0 would waste it.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example adam({ learningRate: warmUp({ steps: 500, schedule: cosineDecay({ learningRate: 1e-3, steps: 10_000 }) }) })
 */
export function warmUp(options: WarmUpOptions): Schedule {
  const owner = 'warmUp'
  const given = checkOptions(owner, options, ['steps', 'schedule'])
  const steps = stepsOption(owner, 'steps', given.steps)
  const schedule = toSchedule(owner, 'schedule', given.schedule)
  return {
    kind: owner,
    options: { steps, schedule: scheduleJSON(schedule) },
    base: schedule.base ?? schedule.at(0),
    at: (step) => (step < steps ? (schedule.at(0) * (step + 1)) / (steps + 1) : schedule.at(step - steps))
  }
}

/** A schedule from an option: a schedule, its JSON, or a number for a constant rate. */
export function toSchedule(owner: string, name: string, value: unknown): Schedule {
  if (typeof value === 'number') return constantRate(rateOption(owner, name, value))
  if (typeof value === 'object' && value !== null) {
    // Arrays have an `at` too: a schedule says its kind.
    if (typeof (value as Schedule).kind !== 'string') throw wrongKind(owner, `${name} to be a number or a schedule`, value)
    return typeof (value as Schedule).at === 'function' ? (value as Schedule) : scheduleFromJSON(value as ScheduleJSON)
  }
  throw wrongKind(owner, `${name} to be a number or a schedule`, value)
}

/** The schedule as plain data, for a checkpoint. */
export function scheduleJSON(schedule: Schedule): ScheduleJSON {
  return { ...schedule.options, kind: schedule.kind }
}

/** @throws FileFormatError for a kind that is not one of this module */
export function scheduleFromJSON(json: ScheduleJSON): Schedule {
  const { kind, ...options } = json
  // biome-ignore lint/suspicious/noExplicitAny: the factories check what they get
  const given = options as any
  switch (kind) {
    case 'constantRate':
      return constantRate(given.learningRate)
    case 'stepDecay':
      return stepDecay(given)
    case 'cosineDecay':
      return cosineDecay(given)
    case 'exponentialDecay':
      return exponentialDecay(given)
    case 'polynomialDecay':
      return polynomialDecay(given)
    case 'oneCycle':
      return oneCycle(given)
    case 'warmUp':
      return warmUp(given)
    default:
      throw new FileFormatError(`scheduleFromJSON: expected a schedule of this library, got kind '${kind}'`)
  }
}

/** The rate at a step times `factor`, checked: a schedule may be a user's own. */
export function rateAt(schedule: Schedule, step: number, factor = 1): number {
  const scheduled = schedule.at(step)
  const rate = typeof scheduled === 'number' ? scheduled * factor : scheduled
  // The kernels compute with float32: a rate beyond it would be infinite there.
  if (typeof rate !== 'number' || !Number.isFinite(Math.fround(rate)) || rate < 0)
    throw outOfRange(`${schedule.kind}.at(${step})`, 'a finite learning rate at least 0', rate)
  return rate
}
