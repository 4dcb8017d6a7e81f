import { expectLayer } from './is-layer.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

/**
 * Layers one after the other. Each is known by its `name` option or its position: `'0.weight'`, `'hidden.gamma'`.
 *
 * @throws TypeError for an argument that is not a layer, such as `relu` in place of `relu()`
 * @example
 * sequential(linear(128), batchNorm(), relu(), dropout(0.5), linear(10))
 */
export function sequential(...layers: readonly Layer[]): Layer {
  for (const [index, layer] of layers.entries()) expectLayer(`sequential, argument ${index}`, layer)
  return layerOf(
    'sequential',
    undefined,
    {},
    (context, input) => layers.reduce((value, layer, index) => context.child(layer.name ?? String(index), layer, value), input),
    layers
  )
}
