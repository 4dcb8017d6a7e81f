import { wrongKind } from '../errors.js'
import type { Layer } from './layer.js'

/** A factory has no `apply` of its own, only that of every function. */
export function isLayer(value: unknown): value is Layer {
  const { kind, apply } = (value ?? {}) as Partial<Layer>
  if (typeof kind !== 'string' || typeof apply !== 'function') return false
  return typeof value === 'object' || (typeof value === 'function' && Object.hasOwn(value, 'apply'))
}

export function expectLayer(owner: string, value: unknown): Layer {
  if (!isLayer(value)) throw wrongKind(owner, 'a layer', value, typeof value === 'function' ? 'Call it: relu(), not relu' : undefined)
  return value
}
