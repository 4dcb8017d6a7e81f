import type { Operation, Value } from '../graph/graph.js'
import { checkOptions, integerOption, numberOption } from '../options.js'
import type { Dimension } from '../shape.js'
import { expectFloat32, expectShape, float32, product, wholeShape } from './types.js'

export interface LayerNormOptions {
  /** How many dimensions at the end are normalized together. Default 1. */
  readonly dimensions?: number
  /** Added to the variance; at least 0. Default 1e-5. */
  readonly epsilon?: number
}

interface Attributes {
  readonly dimensions: number
  readonly epsilon: number
}

/** inputs: x, gamma, beta; outputs: y, mean, meanLow, invStd */
const operation: Operation<Attributes> = {
  name: 'layerNorm',
  infer([x, gamma, beta], { dimensions }, label) {
    const own = x!.shape.slice(x!.shape.length - dimensions)
    expectShape('ops.layerNorm', label, 'a gamma', gamma!, own)
    expectShape('ops.layerNorm', label, 'a beta', beta!, own)
    const rows = [rowsAndColumns(x!, dimensions)[0]]
    return [float32(x!.shape), float32(rows), float32(rows), float32(rows)]
  },
  gradient({ inputs: [x, gamma], outputs: [, mean, meanLow, invStd], attributes }, [upstream], [wantsX, wantsGamma, wantsBeta]) {
    const { graph } = upstream!
    const saved = [upstream!, x!, mean!, meanLow!, invStd!]
    const dx = wantsX ? graph.apply(backward, [...saved, gamma!], attributes as Attributes)[0]! : null
    if (!wantsGamma && !wantsBeta) return [dx, null, null]
    const [dGamma, dBeta] = graph.apply(reduce, saved, attributes as Attributes)
    return [dx, wantsGamma ? dGamma! : null, wantsBeta ? dBeta! : null]
  },
  lower({ inputs: [x, gamma, beta], outputs, attributes }, lowering) {
    const { dimensions, epsilon } = attributes as Attributes
    lowering.call('layerNormForward', [...outputs, x!, gamma!, beta!], rowsAndColumns(x!, dimensions), [epsilon])
  }
}

/** inputs: dy, x, mean, meanLow, invStd, gamma; outputs: dx */
const backward: Operation<Attributes> = {
  name: 'layerNormBackward',
  infer: ([dy]) => [float32(dy!.shape)],
  lower({ inputs: [dy, ...others], outputs: [dx], attributes }, lowering) {
    lowering.call('layerNormBackward', [dx!, dy!, ...others], rowsAndColumns(dy!, (attributes as Attributes).dimensions))
  }
}

/** inputs: dy, x, mean, meanLow, invStd; outputs: dGamma, dBeta */
const reduce: Operation<Attributes> = {
  name: 'layerNormBackwardReduce',
  infer([dy], { dimensions }) {
    const own = float32(dy!.shape.slice(dy!.shape.length - dimensions))
    return [own, own]
  },
  lower({ inputs: [dy, ...others], outputs, attributes }, lowering) {
    lowering.call('layerNormBackwardReduce', [...outputs, dy!, ...others], rowsAndColumns(dy!, (attributes as Attributes).dimensions))
  }
}

function rowsAndColumns(x: Value, dimensions: number): [Dimension, Dimension] {
  const first = x.shape.length - dimensions
  return [product(x.shape.slice(0, first)), product(x.shape.slice(first))]
}

/**
 * Layer normalization over the last dimensions: (x − mean)/√(variance + epsilon) · gamma + beta, with the mean and the
 * biased variance of each row's own elements (Ba, Kiros & Hinton 2016, "Layer normalization", equation 4). Statistics in
 * float64, the same bits on every machine; they survive a mean far from 0.
 *
 * @param x any shape whose last dimensions have fixed sizes
 * @param gamma of these sizes; null: 1
 * @param beta of these sizes; null: 0
 * @throws ShapeError for a gamma or beta of another shape, and for an x without so many dimensions of fixed sizes;
 *   TypeError for an unknown option; RangeError for an option out of its range
 */
export function layerNorm(x: Value, gamma: Value | null, beta: Value | null, options?: LayerNormOptions): Value {
  const owner = 'ops.layerNorm'
  for (const value of [x, gamma, beta]) if (value) expectFloat32(owner, value)
  const given = checkOptions(owner, options, ['dimensions', 'epsilon'])
  const dimensions = integerOption(owner, 'dimensions', given.dimensions, 1, { atLeast: 1 })
  const epsilon = numberOption(owner, 'epsilon', given.epsilon, 1e-5, { atLeast: 0 })
  const own = x.shape.slice(-dimensions)
  if (own.length < dimensions || own.some((size) => typeof size !== 'number' || size < 1))
    throw wholeShape(owner, x.graph.label, `a value whose last ${dimensions} dimensions have fixed sizes of at least 1`, x.shape)
  return x.graph.apply(operation, [x, gamma, beta], { dimensions, epsilon })[0]!
}
