import type { InputPort } from '../data/input-spec.js'
import { viewKind } from '../data/views.js'
import { type StaticShape, staticElementCount } from '../shape.js'

/** What the items of a stream are. */
export type ItemKind = 'rows' | 'batches'

export const itemKinds: readonly ItemKind[] = ['rows', 'batches']

/**
 * What an item is by its looks: a batch has one dimension more than a row, or is an object with rows in `x`. A flat
 * array could be either, and counts as a row. Of several inputs the first tells.
 */
export function kindOf(item: unknown, ports: readonly Pick<InputPort, 'key' | 'shape'>[]): ItemKind {
  const { key, shape } = ports[0]!
  if (key === undefined) return kindOfValue(item, shape)
  const values = Object(item) as Readonly<Record<string, unknown>>
  return !(key in values) && 'x' in values ? 'batches' : kindOfValue(values[key], shape)
}

/** A batch with more than its rows: labels, columns of a file. */
export function isLabelled(item: unknown, ports: readonly Pick<InputPort, 'key'>[]): item is { readonly x: unknown } {
  if (typeof item !== 'object' || item === null || Array.isArray(item) || viewKind(item)) return false
  return 'x' in item && !('data' in item && 'shape' in item) && ports.every(({ key }) => key !== 'x')
}

function kindOfValue(item: unknown, shape: StaticShape): ItemKind {
  if (Array.isArray(item)) return hasRank(item, shape, shape.length) || !hasRank(item, shape, shape.length + 1) ? 'rows' : 'batches'
  if (typeof item !== 'object' || item === null || viewKind(item)) return 'rows'
  const { data, shape: given } = item as { data?: unknown; shape?: unknown }
  if (viewKind(data) && Array.isArray(given)) return given.length === shape.length + 1 ? 'batches' : 'rows'
  return 'x' in item ? 'batches' : 'rows'
}

/** Whether nested arrays may stand for a value of so many dimensions: a typed array inside stands for one or more of the last ones. */
function hasRank(value: unknown, shape: StaticShape, rank: number): boolean {
  if (Array.isArray(value)) return rank > 0 && hasRank(value[0], shape, rank - 1)
  if (!viewKind(value)) return rank === 0
  const { length } = value as Float32Array
  return rank > 0 && rank <= shape.length && length === staticElementCount(shape.slice(shape.length - rank))
}
