import type { Graph, Value } from '../graph/graph.js'
import { storageOf } from '../graph/lower.js'
import type { Placement } from '../graph/lowering.js'
import type { RegionRequest } from '../graph/plan.js'
import type { ProgramSymbol } from '../graph/program.js'
import { copy } from '../ops/copy.js'
import type { ModelDescription } from './types.js'

/** Where a model's parameters and buffers are, for every Program that reads them. */
export function modelPlacements(graph: Graph, description: ModelDescription): Map<Value, Placement> {
  const places = new Map<Value, Placement>()
  for (const { name, offset } of description.parameters) {
    const value = graph.parameters.get(name)
    if (value) places.set(value, { region: 'parameters', offset: offset * 4 })
  }
  for (const { name, offset } of description.buffers) {
    const value = graph.buffers.get(name)
    if (value) places.set(value, { region: 'buffers', offset })
  }
  return places
}

export function modelRegions(description: ModelDescription): RegionRequest[] {
  return [
    { kind: 'parameter', name: 'parameters', bytes: description.parameterElements * 4 },
    { kind: 'buffer', name: 'buffers', bytes: description.bufferBytes }
  ]
}

export function batchSymbol(maxBatch: number): readonly ProgramSymbol[] {
  return [{ name: 'batch', maximum: maxBatch }]
}

/** A value that can be computed straight into a place of its own: not a view, an input, or a place already `taken`. */
export function ownStorage(value: Value, taken: ReadonlySet<Value> = new Set()): Value {
  const storage = storageOf(value)
  return storage === value && value.source.kind === 'node' && !taken.has(value) ? value : copy(value)
}
