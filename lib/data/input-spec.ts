import { wrongKind } from '../errors.js'
import { checkOptions, numberOption } from '../options.js'
import type { StaticShape } from '../shape.js'

/** What a model is fed with. */
export interface InputSpec {
  /** Of one row, without the batch dimension. */
  readonly shape: StaticShape
  /** Each value v of an input is read as v · scale + shift. */
  readonly scale?: number
  readonly shift?: number
}

/** A shape, or `{ shape, scale?, shift? }`. The sizes are checked where the model is described. */
export function inputSpec(owner: string, input: unknown): InputSpec {
  const advice = 'Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }'
  if (Array.isArray(input)) return Object.freeze({ shape: Object.freeze([...input]) })
  if (typeof input !== 'object' || input === null) throw wrongKind(owner, 'input to be a shape', input, advice)
  const { shape, scale, shift } = checkOptions<InputSpec>(`${owner}, input`, input as InputSpec, ['shape', 'scale', 'shift'])
  if (!Array.isArray(shape)) throw wrongKind(owner, 'input.shape to be a shape', shape, advice)
  return Object.freeze({
    shape: Object.freeze([...shape]) as StaticShape,
    ...(scale === undefined ? {} : { scale: numberOption(owner, 'input.scale', scale, 1) }),
    ...(shift === undefined ? {} : { shift: numberOption(owner, 'input.shift', shift, 0) })
  })
}
