import { checkOptions, numberOption } from '../options.js'
import type { Schedule } from '../programs/types.js'
import { rateOption, stepsOption } from './schedule-options.js'

export interface OneCycleOptions {
  /** The highest rate. */
  learningRate: number
  /** Steps of the whole cycle: epochs · ⌈N/batchSize⌉. */
  steps: number
  /** Which part of them rises, 0 … 1; default 0.3. */
  rise?: number
  /** Rate of the first step; default learningRate/25. */
  initial?: number
  /** Rate of the last step and of all after it; default learningRate/250,000. */
  final?: number
}

/**
 * Rises from `initial` to `learningRate` in the first `rise · steps` steps and falls to `final` in the others, both by half a
 * cosine: with `p = rise · steps − 1` and `q = steps − 1`,
 * `rate(step) = initial + (learningRate − initial) · (1 − cos(π · step/p))/2` up to p, then
 * `final + (learningRate − final) · (1 + cos(π · (step − p)/(q − p)))/2`.
 *
 * Smith & Topin, "Super-Convergence" (2018); the points and defaults are those of PyTorch's OneCycleLR, whose momentum
 * cycle is not offered.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example sgd({ learningRate: oneCycle({ learningRate: 0.5, steps: 3000 }), momentum: 0.9 })
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const owner = 'oneCycle'
  const given = checkOptions(owner, options, ['learningRate', 'steps', 'rise', 'initial', 'final'], {
    maxLr: 'Use learningRate, the highest',
    totalSteps: 'Use steps',
    pctStart: 'Use rise',
    divFactor: 'Use initial: the rate of the first step',
    finalDivFactor: 'Use final: the rate of the last step'
  })
  const learningRate = rateOption(owner, 'learningRate', given.learningRate)
  const steps = stepsOption(owner, 'steps', given.steps)
  const rise = numberOption(owner, 'rise', given.rise, 0.3, { atLeast: 0, atMost: 1 })
  const initial = numberOption(owner, 'initial', given.initial, learningRate / 25, { atLeast: 0 })
  const final = numberOption(owner, 'final', given.final, learningRate / 250_000, { atLeast: 0 })
  const last = steps - 1
  const peak = Math.max(0, rise * steps - 1)
  return {
    kind: owner,
    options: { learningRate, steps, rise, initial, final },
    base: learningRate,
    at(step) {
      if (step < peak) return between(initial, learningRate, step / peak)
      return step < last ? between(learningRate, final, (step - peak) / (last - peak)) : final
    }
  }
}

/** From a to b by half a cosine. */
function between(a: number, b: number, part: number): number {
  return b + ((a - b) * (1 + Math.cos(Math.PI * part))) / 2
}
