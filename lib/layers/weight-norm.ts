import { expectation, ShapeError } from '../errors.js'
import { weightNorm as weightNormOf } from '../ops/index.js'
import { ones } from './initializers.js'
import { expectLayer } from './is-layer.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

/**
 * Weight normalization around a layer with a `weight` (Salimans & Kingma 2016, "Weight normalization", equation 2):
 * weight = g · v/‖v‖, one g an output row.
 *
 * The layer's parameter `weight` [outputs, ...] is replaced by `v` of that shape and `g` [outputs]. At first g = ‖v‖,
 * so wrapping leaves the function as it was. The layer's other parameters and its name stay.
 *
 * @param layer a layer with one parameter called `weight`: linear
 * @throws TypeError for something else than a layer; ShapeError when the model is made and the layer has no such parameter
 * @example
 * sequential(weightNorm(linear(1024)), batchNorm(), relu(), linear(10))
 */
export function weightNorm(layer: Layer): Layer {
  const inner = expectLayer('weightNorm', layer)
  return layerOf(
    'weightNorm',
    inner.name,
    {},
    (context, input) => {
      let found = false
      const wrapped = context.withParameters((name, shape, initializer, normOf) => {
        if (name !== 'weight') return context.parameter(name, shape, initializer, normOf)
        if (shape.length < 2)
          throw new ShapeError(expectation(`weightNorm in layer '${context.path}'`, 'a weight of shape [outputs, ...]', shape))
        found = true
        const v = context.parameter('v', shape, initializer)
        return weightNormOf(v, context.parameter('g', [shape[0]!], ones(), 'v'))
      })
      const output = inner.apply(wrapped, input)
      if (!found)
        throw new ShapeError(
          expectation(
            `weightNorm in layer '${context.path}'`,
            `a layer with a parameter called 'weight'`,
            inner.kind,
            'Wrap a linear layer'
          )
        )
      return output
    },
    [inner]
  )
}
