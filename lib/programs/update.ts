import type { Placement, Scalar } from '../graph/lowering.js'
import type { RegionCall, RegionRequest } from '../graph/plan.js'
import { segmentColumns } from '../kernels/table.js'
import { staticElementCount } from '../shape.js'
import { parametersLabel } from './failure.js'
import { matchingNames } from './patterns.js'
import type { ModelDescription, Optimizer, OptimizerGroup, ParameterSpec } from './types.js'

// What follows the gradients: their check, clipping, and the optimizer's update.

/** Region and report. */
const gradientNorm = 'gradientNorm'

export function updateRegions(description: ModelDescription, optimizer: Optimizer, segments: Float64Array): RegionRequest[] {
  const bytes = description.parameterElements * 4
  return [
    { kind: 'gradient', name: 'gradients', bytes },
    ...(optimizer.clipNorm === undefined ? [] : [{ kind: 'gradient', name: gradientNorm, bytes: 4 } as const]),
    ...stateRegions(description, optimizer),
    { kind: 'constant', name: 'segments', bytes: segments.byteLength }
  ]
}

/** Where the update keeps the largest magnitude that each state ever had: it tells without reading them that none overflows. */
export const largestRegion = 'optimizer.largest'

/** The states, each as long as the parameters, and a bound of each. */
export function stateRegions({ parameterElements }: ModelDescription, { states }: Optimizer): RegionRequest[] {
  if (states.length === 0) return []
  const bytes = parameterElements * 4
  return [
    ...states.map((name): RegionRequest => ({ kind: 'optimizer', name: `optimizer.${name}`, bytes })),
    { kind: 'optimizer', name: largestRegion, bytes: states.length * 4 }
  ]
}

const updateChecks = { sgdUpdate: 'checkSgdUpdate', adamUpdate: 'checkAdamUpdate' } as const

/**
 * The group of each parameter by name; the first that matches, or none.
 *
 * @throws RangeError for a pattern that matches no parameter
 */
export function parameterGroups(owner: string, parameters: readonly ParameterSpec[], optimizer: Optimizer): Map<string, OptimizerGroup> {
  const names = parameters.map(({ name }) => name)
  const groups = new Map<string, OptimizerGroup>()
  for (const [index, group] of (optimizer.groups ?? []).entries())
    for (const name of matchingNames(`${owner}, groups[${index}].match`, group.match, names)) if (!groups.has(name)) groups.set(name, group)
  return groups
}

/** The optimizer's table: a row of segmentColumns for each parameter that is trained. */
export function optimizerSegments(description: ModelDescription, trained: readonly ParameterSpec[], optimizer: Optimizer): Float64Array {
  const groups = parameterGroups(optimizer.kind, description.parameters, optimizer)
  const rows = trained.map(({ name, offset, length, shape }) => {
    const { rateFactor = 1, weightDecay = optimizer.weightDecay, maxNorm = optimizer.maxNorm } = groups.get(name) ?? {}
    const rowLength = shape.length > 1 ? staticElementCount(shape.slice(1)) : length
    return [offset, length, rateFactor, weightDecay, shape.length > 1 ? maxNorm : 0, rowLength]
  })
  return Float64Array.from(rows.flat())
}

/** Stretches of the flat region that hold trained parameters only. */
function trainedRuns({ parameters }: ModelDescription, trained: readonly ParameterSpec[]): { offset: number; length: number }[] {
  const wanted = new Set(trained)
  const runs: { offset: number; length: number }[] = []
  let before = false
  for (const parameter of parameters) {
    const { offset, length } = parameter
    const run = runs.at(-1)
    if (wanted.has(parameter) && before) run!.length = offset + length - run!.offset
    else if (wanted.has(parameter)) runs.push({ offset, length })
    before = wanted.has(parameter)
  }
  return runs
}

/**
 * For what comes before clipping, which would hide an infinite gradient. Those of frozen parameters are left over from
 * before they were frozen: they must not refuse a step.
 */
function checkCalls(description: ModelDescription, trained: readonly ParameterSpec[]): RegionCall[] {
  return trainedRuns(description, trained).map(({ offset, length }) => ({
    kernel: 'checkFinite',
    operands: [{ region: 'gradients', offset: offset * 4 }],
    dims: [length],
    scalars: [],
    label: parametersLabel
  }))
}

function clipCalls({ clipValue, clipNorm }: Optimizer, count: number, rows: number): RegionCall[] {
  const gradients: Placement = { region: 'gradients', offset: 0 }
  const shared = { dims: [count, rows], label: 'optimizer' }
  const table = { region: 'segments', offset: 0, dtype: 'float64' as const }
  const calls: RegionCall[] = []
  if (clipValue !== undefined) calls.push({ kernel: 'clipValue', operands: [gradients, table], scalars: [clipValue], ...shared })
  const norm: Placement = { region: gradientNorm, offset: 0 }
  if (clipNorm !== undefined) calls.push({ kernel: 'clipNorm', operands: [norm, gradients, table], scalars: [clipNorm], ...shared })
  return calls
}

/** Before the commit the check of the gradients, and of what the update would leave: it reads what lies in a segment. */
export function updateCalls(
  description: ModelDescription,
  trained: readonly ParameterSpec[],
  optimizer: Optimizer,
  segments: Float64Array
): { compute: RegionCall[]; commit: RegionCall[]; reports: Record<string, Placement> } {
  const count = description.parameterElements
  const rows = segments.length / segmentColumns.length
  const place = (region: string): Placement => ({ region, offset: 0 })
  const table = { region: 'segments', offset: 0, dtype: 'float64' as const }
  const scalars = optimizer.scalars.map((scalar): Scalar => (typeof scalar === 'number' ? scalar : { slot: scalar }))
  const states = stateRegions(description, optimizer).map(({ name }) => place(name))
  // The velocity of plain SGD and its bound are absent, not zero.
  const stateOperands = states.length === 0 ? [null, null] : states
  const call = { operands: [place('parameters'), ...stateOperands, place('gradients'), table], dims: [count, rows], scalars }
  const check: RegionCall = { ...call, kernel: updateChecks[optimizer.kernel], label: parametersLabel }
  const update: RegionCall = { ...call, kernel: optimizer.kernel, label: 'optimizer' }
  const maxNorm: RegionCall = {
    kernel: 'maxNorm',
    operands: [place('parameters'), table],
    dims: [count, rows],
    scalars: [],
    label: 'optimizer'
  }
  const limited = optimizer.maxNorm > 0 || optimizer.groups?.some(({ maxNorm = 0 }) => maxNorm > 0)
  const clips = clipCalls(optimizer, count, rows)
  return {
    compute: clips.length > 0 ? [...checkCalls(description, trained), ...clips, check] : [check],
    commit: limited ? [update, maxNorm] : [update],
    reports: optimizer.clipNorm === undefined ? {} : { [gradientNorm]: place(gradientNorm) }
  }
}
