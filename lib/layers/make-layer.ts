import { withCode, wrongKind } from '../errors.js'
import type { Layer } from './layer.js'

/** A layer object; checks the name, which becomes part of a dotted path. */
export function layerOf(
  kind: string,
  name: string | undefined,
  options: Readonly<Record<string, unknown>>,
  apply: Layer['apply'],
  layers?: readonly Layer[]
): Layer {
  if (name !== undefined) checkName(kind, name)
  return Object.freeze({ kind, options, apply, ...(name === undefined ? {} : { name }), ...(layers ? { layers } : {}) })
}

function checkName(kind: string, name: unknown): void {
  if (typeof name !== 'string') throw wrongKind(kind, 'a name that is a string', name)
  if (name === '' || /[.*\s]/.test(name) || /^\d+$/.test(name))
    throw withCode(
      new TypeError(
        `${kind}: expected a name without dots, stars and spaces that is not a number, got '${name}'. Numbers are the positions of layers without a name`
      ),
      'EVENKEEL_NAME'
    )
}

export function isLayer(value: unknown): value is Layer {
  return (
    typeof value === 'object' && value !== null && typeof (value as Layer).kind === 'string' && typeof (value as Layer).apply === 'function'
  )
}

export function expectLayer(owner: string, value: unknown): Layer {
  if (!isLayer(value)) throw wrongKind(owner, 'a layer', value, typeof value === 'function' ? 'Call it: relu(), not relu' : undefined)
  return value
}
