import { numberOption } from '../options.js'
import type { Optimizer, Schedule } from '../programs/types.js'
import { groupsJSON, groupsOption, type ParameterGroup } from './parameter-groups.js'

/** What every optimizer takes. */
export interface OptimizerOptions {
  /** λ, for every parameter. Default 0 for sgd and adam, which add λp to the gradient, and 0.01 for adamW. */
  weightDecay?: number
  /** Longest row of a weight after an update; omitted: no limit. */
  maxNorm?: number
  /**
   * Gradients whose norm √Σg², over all trained parameters, exceeds this are scaled by clipNorm/norm; omitted: no limit.
   * A step's record then has the norm as `gradientNorm`. Pascanu et al., "On the difficulty of training recurrent neural
   * networks" (2013), algorithm 1.
   */
  clipNorm?: number
  /** Elements of gradients are cut to −clipValue … clipValue, before clipNorm; omitted: no limit. */
  clipValue?: number
  /** What differs for some parameters; the first group that matches holds. */
  groups?: readonly ParameterGroup[]
}

export const sharedOptions = ['weightDecay', 'maxNorm', 'clipNorm', 'clipValue', 'groups'] as const

/** What people bring from elsewhere. */
export const sharedNotes = {
  paramGroups: `Use groups: [{ match: '*.bias', weightDecay: 0 }]`,
  globalClipnorm: 'Use clipNorm, over all gradients',
  gradientClipVal: 'Use clipNorm or clipValue'
}

type Shared = Required<Pick<Optimizer, 'weightDecay' | 'maxNorm' | 'groups'>> & Pick<Optimizer, 'clipNorm' | 'clipValue'>

export function readShared(owner: string, given: OptimizerOptions, schedule: Schedule, defaultDecay: number): Shared {
  return {
    weightDecay: numberOption(owner, 'weightDecay', given.weightDecay, defaultDecay, { atLeast: 0 }),
    maxNorm: numberOption(owner, 'maxNorm', given.maxNorm, 0, { above: 0 }),
    ...limitOption(owner, 'clipNorm', given.clipNorm),
    ...limitOption(owner, 'clipValue', given.clipValue),
    groups: groupsOption(owner, given.groups, schedule)
  }
}

function limitOption(owner: string, name: 'clipNorm' | 'clipValue', value: unknown): Pick<Optimizer, 'clipNorm' | 'clipValue'> {
  return value === undefined ? {} : { [name]: numberOption(owner, name, value, 0, { above: 0 }) }
}

/** The options as a user would give them again: no maxNorm where there is no limit. */
export function sharedJSON({ weightDecay, maxNorm, groups, ...limits }: Shared): Readonly<Record<string, unknown>> {
  return { weightDecay, ...limits, ...(maxNorm === 0 ? {} : { maxNorm }), ...(groups.length === 0 ? {} : { groups: groupsJSON(groups) }) }
}
