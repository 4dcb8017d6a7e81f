import { ShapeError } from '../errors.js'
import { checkOptions } from '../options.js'
import type { Runtime } from '../runtime/runtime.js'
import { float32, fresh, given, output, size } from './operands.js'

export interface WeightNormForwardOptions {
  /** [rows, columns]: one row an output. */
  readonly v: Float32Array
  /** [rows] */
  readonly g: Float32Array
  readonly rows: number
  /** Receives w; default a new array. Must not overlap an input. */
  readonly out?: Float32Array | undefined
}

export interface WeightNormForwardResult {
  /** [rows, columns] */
  readonly w: Float32Array
  /** [rows]; ‖v‖ */
  readonly norm: Float32Array
}

export interface WeightNormBackwardOptions {
  /** Gradient of w, [rows, columns]. */
  readonly dw: Float32Array
  readonly v: Float32Array
  readonly g: Float32Array
  /** The forward pass's. */
  readonly norm: Float32Array
  readonly rows: number
  /** Receives dv; default a new array. Must not overlap an input. */
  readonly out?: Float32Array | undefined
}

export interface WeightNormBackwardResult {
  /** [rows, columns] */
  readonly dv: Float32Array
  /** [rows] */
  readonly dg: Float32Array
}

export function weightNormForward(runtime: Runtime, options: WeightNormForwardOptions): WeightNormForwardResult {
  const owner = 'kernels.weightNormForward'
  checkOptions(owner, given(owner, options), ['v', 'g', 'rows', 'out'])
  const { v, rows, columns } = matrix(owner, options)
  const g = float32(owner, 'g', options.g, rows, 'one a row')
  const w = output(owner, options.out, { elements: v.length, reason: 'as v', inputs: { v, g } })
  const norm = fresh(owner, rows)
  runtime.call('weightNormForward', [w, norm, v, g], [rows, columns], [])
  return { w, norm }
}

export function weightNormBackward(runtime: Runtime, options: WeightNormBackwardOptions): WeightNormBackwardResult {
  const owner = 'kernels.weightNormBackward'
  checkOptions(owner, given(owner, options), ['dw', 'v', 'g', 'norm', 'rows', 'out'])
  const { v, rows, columns } = matrix(owner, options)
  const dw = float32(owner, 'dw', options.dw, v.length, 'as v')
  const g = float32(owner, 'g', options.g, rows, 'one a row')
  const norm = float32(owner, 'norm', options.norm, rows, 'one a row')
  const dv = output(owner, options.out, { elements: v.length, reason: 'as v', inputs: { dw, v, g, norm } })
  const dg = fresh(owner, rows)
  runtime.call('weightNormBackward', [dv, dg, dw, v, g, norm], [rows, columns], [])
  return { dv, dg }
}

function matrix(
  owner: string,
  options: { readonly v: Float32Array; readonly rows: number }
): { v: Float32Array; rows: number; columns: number } {
  const rows = size(owner, 'rows', options.rows)
  const elements = (options.v as Float32Array | undefined)?.length ?? 0
  const v = float32(owner, 'v', options.v, elements, 'any number')
  if (rows === 0 ? elements > 0 : elements % rows !== 0)
    throw new ShapeError(`${owner}: expected v to hold ${rows} rows of equal length, got ${elements} elements`, {
      expected: rows,
      actual: elements
    })
  return { v, rows, columns: rows === 0 ? 0 : elements / rows }
}
