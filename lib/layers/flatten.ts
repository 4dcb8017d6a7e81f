import { reshape } from '../ops/index.js'
import { checkOptions } from '../options.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'

/**
 * [batch, ...] → [batch, product of the others], row-major. Nothing is copied.
 *
 * @throws TypeError for an unknown option
 * @example createModel(sequential(flatten(), linear(10)), { input: [28, 28, 1] })
 */
export function flatten(options?: { readonly name?: string }): Layer {
  const { name } = checkOptions('flatten', options, ['name'])
  return layerOf('flatten', name, {}, (_context, x) => (x.shape.length === 2 ? x : reshape(x, [x.shape[0]!, -1])))
}
