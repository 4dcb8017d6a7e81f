import type { Layer } from './layer.js'
import { checkName } from './names.js'
import { applyLayer } from './trace.js'

/** A layer, ready to be called with a value inside a model function; checks the name, which becomes part of a dotted path. */
export function layerOf(
  kind: string,
  name: string | undefined,
  options: Readonly<Record<string, unknown>>,
  apply: Layer['apply'],
  layers?: readonly Layer[]
): Layer {
  if (name !== undefined) checkName(kind, name)
  const layer = ((input) => applyLayer(layer, input)) as Layer
  // A function has a name of its own, which would pass for the layer's.
  Object.defineProperty(layer, 'name', { value: name, enumerable: name !== undefined })
  Object.assign(layer, { kind, options, apply, ...(layers ? { layers } : {}) })
  Object.freeze(layer)
  return layer
}
