import type { Placement } from '../graph/lowering.js'
import type { RegionCall, RegionRequest, RegionSegment } from '../graph/plan.js'
import type { ProgramSymbol } from '../graph/program.js'
import { symbol } from '../shape.js'
import type { ModelDescription } from './types.js'

// Gradients of a batch that goes through in parts: one step of the Program is a part, and the last of them updates.

/** Region of a part's gradients. */
export const partialGradients = 'partialGradients'

/** Slot: the part's rows over those of the batch. */
export const shareSlot = 'share'

/** `first` is 1 in the first part of a batch and `last` in its last, else 0. */
export function microBatchSymbols(rows: number): readonly ProgramSymbol[] {
  return [
    { name: 'batch', maximum: rows },
    { name: 'first', maximum: 1 },
    { name: 'last', maximum: 1 }
  ]
}

export function partialRegion({ parameterElements }: ModelDescription): RegionRequest {
  return { kind: 'gradient', name: partialGradients, bytes: parameterElements * 4 }
}

/** The update of the last part; before it, each part adds its gradients. */
export function accumulating(
  { parameterElements }: ModelDescription,
  update: { readonly compute: readonly RegionCall[]; readonly commit: readonly RegionCall[]; readonly reports: Record<string, Placement> }
): { readonly segments: readonly RegionSegment[]; readonly reports: Record<string, Placement> } {
  const sum: Placement = { region: 'gradients', offset: 0 }
  const part: Placement = { region: partialGradients, offset: 0 }
  const shared = { dims: [parameterElements], label: 'gradients' }
  const clear: RegionCall = { kernel: 'fill', operands: [sum], scalars: [0], ...shared }
  const add: RegionCall = { kernel: 'add', operands: [sum, sum, part], scalars: [], ...shared }
  return {
    segments: [
      { phase: 'compute', count: symbol('first'), calls: [clear] },
      { phase: 'compute', count: 1, calls: [add] },
      { phase: 'compute', count: symbol('last'), calls: update.compute },
      { phase: 'commit', count: symbol('last'), calls: update.commit }
    ],
    reports: update.reports
  }
}
