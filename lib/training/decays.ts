import { wrongKind } from '../errors.js'
import { checkOptions, numberOption } from '../options.js'
import type { Schedule } from '../programs/types.js'
import { rateOption, stepsOption } from './schedule-options.js'

export interface ExponentialDecayOptions {
  /** Rate of step 0. */
  learningRate: number
  /** What the rate is multiplied with over `every` steps, above 0. */
  factor: number
  /** Default 1. */
  every?: number
}

/**
 * `rate(step) = learningRate · factor^(step/every)`
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example sgd({ learningRate: exponentialDecay({ learningRate: 0.1, factor: 0.9, every: 1000 }) })
 */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  const owner = 'exponentialDecay'
  const given = checkOptions(owner, options, ['learningRate', 'factor', 'every'], {
    decayRate: 'Use factor',
    decaySteps: 'Use every',
    gamma: 'Use factor'
  })
  const learningRate = rateOption(owner, 'learningRate', given.learningRate)
  if (given.factor === undefined) throw wrongKind(owner, 'factor to be a finite number above 0', given.factor)
  const factor = numberOption(owner, 'factor', given.factor, 1, { above: 0 })
  const every = given.every === undefined ? 1 : stepsOption(owner, 'every', given.every)
  return {
    kind: owner,
    options: { learningRate, factor, every },
    base: learningRate,
    at: (step) => learningRate * factor ** (step / every)
  }
}

export interface PolynomialDecayOptions {
  /** Rate of step 0. */
  learningRate: number
  /** The step at which `final` is reached; the rate stays there. */
  steps: number
  /** Default 0. */
  final?: number
  /** Above 0; default 1, a straight line. */
  power?: number
}

/**
 * `rate(step) = final + (learningRate − final) · (1 − min(step, steps)/steps)^power`
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example adamW({ learningRate: warmUp({ steps: 100, schedule: polynomialDecay({ learningRate: 1e-3, steps: 10_000 }) }) })
 */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  const owner = 'polynomialDecay'
  const given = checkOptions(owner, options, ['learningRate', 'steps', 'final', 'power'], {
    endLearningRate: 'Use final',
    decaySteps: 'Use steps'
  })
  const learningRate = rateOption(owner, 'learningRate', given.learningRate)
  const steps = stepsOption(owner, 'steps', given.steps)
  const final = numberOption(owner, 'final', given.final, 0, { atLeast: 0 })
  const power = numberOption(owner, 'power', given.power, 1, { above: 0 })
  return {
    kind: owner,
    options: { learningRate, steps, final, power },
    base: learningRate,
    at: (step) => final + (learningRate - final) * (1 - Math.min(step, steps) / steps) ** power
  }
}
