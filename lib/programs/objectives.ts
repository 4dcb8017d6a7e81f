import type { Graph, Value } from '../graph/graph.js'
import { portName } from '../layers/ports.js'
import { add } from '../ops/add.js'
import { checkFinite } from '../ops/check-finite.js'
import { fill } from '../ops/fill.js'
import { scaleColumns } from '../ops/scale-columns.js'
import { batchLoss, rowLosses, targetInput } from './loss.js'
import { ownStorage } from './regions.js'
import type { Loss, Losses, ModelDescription, Objective } from './types.js'

/** Whether it is one loss, and not losses by output. */
export function isLoss(value: unknown): value is Loss {
  const { apply, target } = (value ?? {}) as Partial<Loss>
  return typeof apply === 'function' && (target === 'classes' || target === 'values')
}

/** What the losses ask of which output, in the order of the model's outputs. */
export function objectivesOf(
  { outputs }: Pick<ModelDescription, 'outputs'>,
  losses: Losses,
  weights: Readonly<Record<string, number>> = {}
): readonly Objective[] {
  return outputs.flatMap(({ key }, output): Objective[] => {
    const loss = isLoss(losses) ? losses : ownValue(losses, key)
    if (!loss) return []
    const weight = ownValue(weights, key) ?? 1
    return [{ output, key, loss, weight, target: portName('y', key), label: portName('loss', key) }]
  })
}

/** An output may be called `constructor`. */
function ownValue<T>(record: Readonly<Record<string, T>>, key: string | undefined): T | undefined {
  return key !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}

/** The report of the sum of the rows' weights: `weight`, or `weight.price`. */
export function weightLabel(key: string | undefined): string {
  return portName('weight', key)
}

/** `rowLoss` and `rowWeight` of each objective, computed into places of their own, none of them `taken`. */
export function rowOutputs(
  graph: Graph,
  outputs: readonly Value[],
  objectives: readonly Objective[],
  taken: Set<Value>
): Readonly<Record<string, Value>> {
  const own = (value: Value): Value => {
    const storage = ownStorage(value, taken)
    taken.add(storage)
    return storage
  }
  const named: [string, Value][] = []
  for (const { output, key, loss, target, label } of objectives)
    graph.labelled(label, () => {
      const { rows, weight } = rowLosses(loss, outputs[output]!, targetInput(graph, outputs[output]!, loss, target))
      named.push([portName('rowLoss', key), own(rows)])
      named.push([portName('rowWeight', key), own(weight ?? fill(graph, rows.shape, 1))])
    })
  return Object.fromEntries(named)
}

/**
 * Σ factor · mean loss, checked, and what a step reports: `loss`; where outputs have names each one's own mean, by its
 * label; and the sums of the rows' weights where rows have weights. One loss alone is the plain mean, bit for bit.
 */
export function totalLoss(
  graph: Graph,
  outputs: readonly Value[],
  objectives: readonly Objective[],
  sampleWeight: Value | null
): { readonly loss: Value; readonly reports: Readonly<Record<string, Value>> } {
  const reports: [string, Value][] = []
  let total: Value | undefined
  for (const { output, key, loss, target, label, weight: factor } of objectives) {
    const value = outputs[output]!
    const term = graph.labelled(label, () => {
      const { loss: mean, weight } = batchLoss(loss, value, targetInput(graph, value, loss, target), sampleWeight)
      if (key !== undefined) reports.push([label, mean])
      if (weight) reports.push([weightLabel(key), weight])
      return factor === 1 ? mean : scaleColumns(mean, fill(graph, [1], factor))
    })
    total = total ? graph.labelled('loss', () => add(total!, term)) : term
  }
  const loss = total!
  if (objectives.length > 1 || objectives[0]!.weight !== 1) graph.labelled('loss', () => checkFinite(loss))
  return { loss, reports: Object.fromEntries([['loss', loss], ...reports]) }
}
