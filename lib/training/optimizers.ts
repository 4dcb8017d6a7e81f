import { FileFormatError, outOfRange } from '../errors.js'
import { booleanOption, checkOptions, numberOption } from '../options.js'
import type { Optimizer, Schedule } from '../programs/types.js'
import { type OptimizerOptions, readShared, sharedJSON, sharedNotes, sharedOptions } from './optimizer-options.js'
import { rateAt, type ScheduleJSON, scheduleJSON, toSchedule } from './schedules.js'

/** A rate for every step, or a schedule (or the JSON of one). */
export type LearningRate = number | Schedule | ScheduleJSON

export interface SgdOptions extends OptimizerOptions {
  /** Step size. There is no default: no one rate is right for plain descent. */
  learningRate: LearningRate
  /** μ, 0 ≤ μ < 1; default 0. */
  momentum?: number
  /** Looks ahead along the velocity; needs momentum. Default false. */
  nesterov?: boolean
}

/**
 * Stochastic gradient descent: `u ← μu + (g + λp)`, `p ← p − learningRate · u`; with `nesterov`
 * `p ← p − learningRate · ((g + λp) + μu)`. The velocity u starts at 0 and is not damped, as in PyTorch.
 *
 * Momentum: Polyak 1964; Nesterov's form: Sutskever et al., "On the importance of initialization and momentum in
 * deep learning" (2013), in the reformulation of Bengio et al. 2012. Max-norm: Srivastava et al. 2014, section 5.1.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example sgd({ learningRate: 0.1, momentum: 0.9 })
 */
export function sgd(options: SgdOptions): Optimizer {
  const owner = 'sgd'
  const given = checkOptions(owner, options, ['learningRate', 'momentum', 'nesterov', ...sharedOptions], {
    ...sharedNotes,
    dampening: 'The velocity is not damped here'
  })
  const learningRate = toSchedule(owner, 'learningRate', given.learningRate)
  const momentum = numberOption(owner, 'momentum', given.momentum, 0, { atLeast: 0, below: 1 })
  const nesterov = booleanOption(owner, 'nesterov', given.nesterov, false)
  const shared = readShared(owner, given, learningRate, 0)
  if (nesterov && momentum === 0)
    throw outOfRange(owner, 'momentum above 0 with nesterov', momentum, 'Give a momentum such as 0.9, or leave nesterov out')
  return {
    kind: owner,
    options: { learningRate: scheduleJSON(learningRate), momentum, nesterov, ...sharedJSON(shared) },
    learningRate,
    kernel: 'sgdUpdate',
    states: momentum > 0 ? ['velocity'] : [],
    scalars: ['learningRate', momentum, nesterov ? 1 : 0],
    stepValues: (step, factor) => ({ learningRate: rateAt(learningRate, step, factor) }),
    ...shared
  }
}

export interface AdamOptions extends OptimizerOptions {
  /** Default 0.001, the paper's. */
  learningRate?: LearningRate
  /** β₁, decay of the first moment, 0 ≤ β₁ < 1; default 0.9. */
  beta1?: number
  /** β₂, decay of the second moment, 0 ≤ β₂ < 1; default 0.999. */
  beta2?: number
  /** ε, added to the root of the second moment; default 1e-8. */
  epsilon?: number
}

/**
 * Adam: `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `p ← p − (a·m)/(b·√v + ε)` with, at the t-th step,
 * `a = learningRate/(1−β₁ᵗ)` and `b = 1/√(1−β₂ᵗ)`. `weightDecay` is added to the gradient (L2).
 *
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization" (2015), algorithm 1; defaults are the paper's.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example adam({ learningRate: 3e-4 })
 */
export function adam(options?: AdamOptions): Optimizer {
  return moments('adam', options, 0)
}

/**
 * Adam with decoupled weight decay: first `p ← p · (1 − learningRate · λ)`, then Adam's update without λ.
 *
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2; λ is 0.01 by default, as in PyTorch.
 *
 * @throws TypeError, RangeError for options of the wrong kind, unknown, or out of range
 * @example adamW({ learningRate: 3e-4, weightDecay: 0.05 })
 */
export function adamW(options?: AdamOptions): Optimizer {
  return moments('adamW', options, 0.01)
}

function moments(owner: 'adam' | 'adamW', options: AdamOptions | undefined, defaultDecay: number): Optimizer {
  const given = checkOptions(owner, options, ['learningRate', 'beta1', 'beta2', 'epsilon', ...sharedOptions], {
    ...sharedNotes,
    betas: 'Give beta1 and beta2',
    amsgrad: 'The AMSGrad variant is not offered'
  })
  const learningRate = toSchedule(owner, 'learningRate', given.learningRate ?? 1e-3)
  const beta1 = numberOption(owner, 'beta1', given.beta1, 0.9, { atLeast: 0, below: 1 })
  const beta2 = numberOption(owner, 'beta2', given.beta2, 0.999, { atLeast: 0, below: 1 })
  const epsilon = numberOption(owner, 'epsilon', given.epsilon, 1e-8, { above: 0 })
  // Zero in float32, it would divide 0 by 0 where a gradient has always been 0.
  if (Math.fround(epsilon) === 0) throw outOfRange(owner, 'an epsilon that float32 holds, at least 1e-45', epsilon)
  const shared = readShared(owner, given, learningRate, defaultDecay)
  return {
    kind: owner,
    options: { learningRate: scheduleJSON(learningRate), beta1, beta2, epsilon, ...sharedJSON(shared) },
    learningRate,
    kernel: 'adamUpdate',
    states: ['firstMoment', 'secondMoment'],
    scalars: ['learningRate', 'a', 'b', beta1, beta2, epsilon, owner === 'adamW' ? 1 : 0],
    stepValues: (step, factor) => {
      const rate = rateAt(learningRate, step, factor)
      return { learningRate: rate, a: rate / (1 - beta1 ** (step + 1)), b: 1 / Math.sqrt(1 - beta2 ** (step + 1)) }
    },
    ...shared
  }
}

/** An optimizer as JSON: its kind and its options. */
export interface OptimizerJSON {
  readonly kind: string
  readonly [option: string]: unknown
}

export function optimizerJSON(optimizer: Optimizer): OptimizerJSON {
  return { ...optimizer.options, kind: optimizer.kind }
}

/** @throws FileFormatError for a kind that is not one of this module */
export function optimizerFromJSON(json: OptimizerJSON): Optimizer {
  const { kind, ...options } = json
  // biome-ignore lint/suspicious/noExplicitAny: the factories check what they get
  const given = options as any
  if (kind === 'sgd') return sgd(given)
  if (kind === 'adam') return adam(given)
  if (kind === 'adamW') return adamW(given)
  throw new FileFormatError(`optimizerFromJSON: expected 'sgd', 'adam' or 'adamW', got kind '${kind}'`)
}
