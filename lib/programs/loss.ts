import { wrongKind } from '../errors.js'
import { type Graph, isValue, type Value } from '../graph/graph.js'
import { checkFinite } from '../ops/check-finite.js'
import { checkFractions } from '../ops/check-fractions.js'
import { mean } from '../ops/mean.js'
import { wholeShape } from '../ops/types.js'
import { weightedMean } from '../ops/weighted-mean.js'
import { type Dimension, sameShape } from '../shape.js'
import type { Loss } from './types.js'

/** The input `name`, of the type and shape that the loss asks for. Values are checked; class numbers are where they are used. */
export function targetInput(graph: Graph, output: Value, loss: Loss, name: string): Value {
  if (loss.target === 'classes') return graph.input(name, [output.shape[0]!], 'int32')
  const y = graph.input(name, output.shape, 'float32')
  graph.labelled(name, () => {
    checkFinite(y)
    if (loss.bounds) checkFractions(y, { rowSums: loss.bounds === 'probabilities' })
  })
  return y
}

/** The loss of each row, and what it weighs; null: all weigh the same. */
export function rowLosses(loss: Loss, output: Value, target: Value): { readonly rows: Value; readonly weight: Value | null } {
  const given = loss.apply(output, target)
  if (typeof given !== 'object' || given === null || !isValue('loss' in given ? given.loss : given))
    throw wrongKind(loss.kind, 'a value with one element a row', given)
  const { rows, weight } = 'loss' in given ? { rows: given.loss, weight: given.weight } : { rows: given, weight: null }
  const label = output.graph.label
  for (const [what, value] of Object.entries({ 'one value a row': rows, 'one weight a row': weight }))
    if (value && !sameShape(value.shape, [output.shape[0]!])) throw wholeShape(loss.kind, label, `${what}, of shape [batch]`, value.shape)
  return { rows, weight }
}

/** The input `sampleWeight`, one number a row. */
export function weightInput(graph: Graph, rows: Dimension): Value {
  const weight = graph.input('sampleWeight', [rows], 'float32')
  graph.labelled('sampleWeight', () => checkFinite(weight))
  return weight
}

/** The batch's loss [1] and the sum of its rows' weights [1]; null where each row weighs 1. */
export function batchLoss(
  loss: Loss,
  output: Value,
  target: Value,
  sampleWeight: Value | null
): { readonly loss: Value; readonly weight: Value | null } {
  const { rows, weight } = rowLosses(loss, output, target)
  const first = weight ?? sampleWeight
  if (!first) return { loss: checked(mean(rows)), weight: null }
  const { mean: weighted, total } = weightedMean(rows, first, weight && sampleWeight)
  return { loss: checked(weighted), weight: checked(total) }
}

function checked(value: Value): Value {
  checkFinite(value)
  return value
}
