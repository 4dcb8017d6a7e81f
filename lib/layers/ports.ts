import type { StaticShape } from '../shape.js'

/** One of the inputs or outputs of a model. */
export interface Port {
  /** Its name among several; undefined where the model has one without a name. */
  readonly key: string | undefined
  /** What messages call it, and its region in a Program: `x` and `output`, or `x.left` and `output.price`. */
  readonly name: string
  /** Of one row, without the batch dimension. */
  readonly shape: StaticShape
  readonly dtype: 'float32' | 'int32'
}

/** `x` for the input without a name, `x.left` for the input `left`. */
export function portName(kind: string, key: string | undefined): string {
  return key === undefined ? kind : `${kind}.${key}`
}
