import type { KernelCall, Program } from '../graph/program.js'
import { kernelSpecs } from '../kernels/table.js'
import { Status, type StatusCode } from '../kernels/types.js'
import type { ModelDescription } from './types.js'

/** What stopped a step. */
export interface Failure {
  readonly kind: 'nonFinite' | 'overflow' | 'label' | 'range'
  /** An input's name, `loss`, or the dotted path of a layer or parameter. */
  readonly layer: string
  /** Element of the input, or row of the label. */
  readonly index: number
  /** Of a label, or of another index: how many there are to choose from; undefined where it depends on the batch. */
  readonly classes?: number
  /** Of a label or index: the input that holds it, in which `index` counts; undefined where it was computed. */
  readonly input?: string
  /** Of a range: whether rows had to be probabilities with a sum of 1, and not only numbers in 0 … 1. */
  readonly probabilities?: boolean
}

/** Label of the calls whose detail counts flat parameters from where their first operand stands; no layer has a star in its name. */
export const parametersLabel = 'parameters*'

/** What a status of a run of `program` means in the words of the model. */
export function describeFailure(
  description: Pick<ModelDescription, 'parameters'>,
  program: Program,
  result: { readonly status: StatusCode; readonly segment: number; readonly call: number; readonly detail: number }
): Failure {
  const call = program.segments[result.segment]!.calls[result.call]!
  if (result.status === Status.labelOutOfRange) return labelFailure(program, call, result.detail)
  if (result.status === Status.outOfRange)
    return { kind: 'range', layer: call.label, index: result.detail, probabilities: call.scalars[0] === 1 }
  const kind = result.status === Status.overflow ? 'overflow' : 'nonFinite'
  if (call.label !== parametersLabel) return { kind, layer: call.label, index: result.detail }
  const element = call.operands[0]!.offset / 4 + result.detail
  const parameter = description.parameters.find(({ offset, length }) => element >= offset && element < offset + length)
  return { kind, layer: parameter?.name ?? 'parameters', index: element - (parameter?.offset ?? 0) }
}

/** Every kernel that refuses a number has as its second dim how many there are. */
function labelFailure({ regions }: Program, call: KernelCall, detail: number): Failure {
  const numbers = call.operands[kernelSpecs[call.kernel].operands.findIndex(({ dtype }) => dtype === 'int32')]!
  const { kind, name } = regions[numbers.region]!
  const classes = call.dims[1]
  return {
    kind: 'label',
    layer: call.label,
    index: detail + (kind === 'input' ? numbers.offset / 4 : 0),
    ...(typeof classes === 'number' ? { classes } : {}),
    ...(kind === 'input' ? { input: name } : {})
  }
}
