import type { Value } from '../graph/graph.js'
import { sigmoid } from '../ops/activation.js'
import { softmax } from '../ops/softmax.js'

/** How a predictor gives an output: as the network does, or as probabilities. */
export type OutputForm = 'logits' | 'probabilities'

export const outputForms: readonly OutputForm[] = ['logits', 'probabilities']

/**
 * The probabilities that logits stand for: the softmax over the last dimension, as softmaxCrossEntropy takes them, or
 * the sigmoid where a row has one value there. What is a softmax or a sigmoid already stays as it is.
 */
export function probabilities(value: Value): Value {
  if (isProbability(value)) return value
  const { shape } = value
  return shape.length < 2 || shape.at(-1) === 1 ? sigmoid(value) : softmax(value)
}

function isProbability({ source }: Value): boolean {
  if (source.kind !== 'node') return false
  const { operation, attributes } = source.node
  const { log, activation } = attributes as { readonly log?: boolean; readonly activation?: string }
  return (operation.name === 'softmax' && log === false) || (operation.name === 'activation' && activation === 'sigmoid')
}
