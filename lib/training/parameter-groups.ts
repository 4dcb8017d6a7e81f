import { outOfRange, wrongKind } from '../errors.js'
import { checkOptions, numberOption } from '../options.js'
import type { OptimizerGroup, Schedule } from '../programs/types.js'

/** What differs for some parameters. What a group leaves out is as the optimizer's own options say. */
export interface ParameterGroup {
  /** Names of parameters, `*` for any characters, as for `net.freeze`: `'0.*'`, `['*.gamma', '*.beta']`. */
  match: string | readonly string[]
  /**
   * In the place of the schedule's own `learningRate`, whose course it follows: where that stands at a tenth of its
   * `learningRate`, the group's does too. 0: the parameters stay, but their gradients are computed; `freeze` spares them.
   */
  learningRate?: number
  /** λ for these. */
  weightDecay?: number
  /** Longest row of a weight; null: no limit. */
  maxNorm?: number | null
}

/** The option `groups` of an optimizer, checked as far as it can be without a model. */
export function groupsOption(owner: string, value: unknown, schedule: Schedule): readonly OptimizerGroup[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrongKind(owner, 'groups to be an array', value, `Such as [{ match: '*.bias', weightDecay: 0 }]`)
  return Array.from(value, (group, index) => groupOption(`${owner}, groups[${index}]`, group, schedule))
}

function groupOption(owner: string, group: ParameterGroup, schedule: Schedule): OptimizerGroup {
  const { match, ...given } = checkOptions(owner, group, ['match', 'learningRate', 'weightDecay', 'maxNorm'], {
    params: 'Use match, a pattern of parameter names',
    momentum: 'Momentum is the same for all parameters',
    lr: 'Use learningRate'
  })
  const patterns: readonly unknown[] = Array.isArray(match) ? match : [match]
  for (const pattern of patterns)
    if (typeof pattern !== 'string') throw wrongKind(owner, 'match to be a pattern', pattern, "Such as '0.*' or '*.gamma'")
  if (patterns.length === 0) throw outOfRange(owner, 'match to have at least one pattern', match)
  return {
    match: patterns as readonly string[],
    ...(given.learningRate === undefined
      ? {}
      : { learningRate: given.learningRate, rateFactor: rateFactor(owner, given.learningRate, schedule) }),
    ...(given.weightDecay === undefined ? {} : { weightDecay: numberOption(owner, 'weightDecay', given.weightDecay, 0, { atLeast: 0 }) }),
    ...(given.maxNorm === undefined ? {} : { maxNorm: numberOption(owner, 'maxNorm', given.maxNorm ?? undefined, 0, { above: 0 }) })
  }
}

function rateFactor(owner: string, value: unknown, schedule: Schedule): number {
  const advice = `A group follows the optimizer's schedule`
  if (typeof value !== 'number') throw wrongKind(owner, 'learningRate to be a number', value, advice)
  const rate = numberOption(owner, 'learningRate', value, 0, { atLeast: 0 })
  const base = schedule.base ?? schedule.at(0)
  if (!(base > 0) || !Number.isFinite(rate / base))
    throw outOfRange(owner, 'a schedule whose own learningRate is above 0, to put the rate of a group in its place', base)
  return rate / base
}

/** The groups as JSON, as a user would give them again. */
export function groupsJSON(groups: readonly OptimizerGroup[]): readonly ParameterGroup[] {
  return groups.map(({ rateFactor: _, maxNorm, ...group }) => (maxNorm === undefined ? group : { ...group, maxNorm: maxNorm || null }))
}
