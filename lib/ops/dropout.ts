import { wrongKind } from '../errors.js'
import type { Operation, Value } from '../graph/graph.js'
import { addDimensions, elementCount, type Shape } from '../shape.js'
import { dropoutScalars, expectFloat32, type FusedDropout, float32 } from './types.js'

/** inputs: x; outputs: y, mask */
export const dropoutOperation: Operation<FusedDropout> = {
  name: 'dropout',
  infer: ([x]) => [float32(x!.shape), maskType(x!.shape)],
  gradient: ({ outputs: [, mask], attributes }, [upstream]) => [upstream!.graph.apply(backward, [upstream!, mask!], attributes)[0]!],
  lower({ inputs: [x], outputs: [y, mask], attributes }, lowering) {
    lowering.call('dropoutForward', [y!, mask!, x!], [elementCount(x!.shape)], dropoutScalars(attributes))
  }
}

const backward: Operation<FusedDropout> = {
  name: 'dropoutBackward',
  infer: ([dy]) => [float32(dy!.shape)],
  lower({ inputs: [dy, mask], outputs: [dx], attributes }, lowering) {
    lowering.call('dropoutBackward', [dx!, dy!, mask!], [elementCount(dy!.shape)], [attributes.threshold])
  }
}

/** One bit an element in whole bytes. A shape is affine in its symbols, so the room is a byte for every eight elements, rounded up term by term. */
export function maskType(shape: Shape): { shape: Shape; dtype: 'uint8' } {
  const count = elementCount(shape)
  if (typeof count === 'number') return { shape: [Math.ceil(count / 8)], dtype: 'uint8' }
  const terms = Object.fromEntries(Object.entries(count.terms).map(([name, factor]) => [name, Math.ceil(factor / 8)]))
  return { shape: [addDimensions({ constant: 0, terms }, Math.ceil(count.constant / 8) + 1)], dtype: 'uint8' }
}

const isIntegerTo = (value: unknown, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most

/**
 * Keeps each element with probability 1 − rate and scales the kept ones by 65536/(65536 − threshold), so that the
 * expectation is x (Srivastava et al. 2014, "Dropout", in its inverted form). The bits are Philox4x32-10 words
 * numbered by seed, stream, step and element: the same on every machine.
 *
 * @param x any shape
 * @param dropout threshold 0 … 65536 of 65536; the seed's halves; the stream
 * @returns x's shape
 */
export function dropout(x: Value, dropout: FusedDropout): Value {
  const owner = 'ops.dropout'
  expectFloat32(owner, x)
  const { threshold, key, stream } = Object(dropout) as Partial<FusedDropout>
  const words: readonly unknown[] = Array.isArray(key) && key.length === 2 ? [...key, stream] : [undefined]
  const fits = words.every((word) => isIntegerTo(word, 2 ** 32 - 1)) && isIntegerTo(threshold, 65536)
  if (!fits)
    throw wrongKind(owner, '{ threshold: 0 … 65536, key: [low, high], stream }', dropout, 'The layer dropout(rate) makes it by itself')
  return x.graph.apply(dropoutOperation, [x], dropout)[0]!
}
