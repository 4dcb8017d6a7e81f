import type { KernelName } from '../kernels/table.js'
import type { DType } from '../kernels/types.js'
import type { Dimension, Shape } from '../shape.js'
import type { Value } from './graph.js'

/** Scratch that one node needs for itself while it runs. */
export interface Temporary {
  readonly temporary: number
  readonly shape: Shape
  readonly dtype: DType
}

export type Operand = Value | Temporary | null
/** A constant, or the name of a slot whose value is given at run time for each step. */
export type Scalar = number | { readonly slot: string }

/** What an operation's `lower` writes to: kernel calls in order, on values that the planner will place. */
export interface Lowering {
  call(kernel: KernelName, operands: readonly Operand[], dims: readonly Dimension[], scalars?: readonly Scalar[]): void
  temporary(shape: Shape, dtype?: DType): Temporary
}

/** Where something lives: a region by name, and bytes into it. */
export interface Placement {
  readonly region: string
  readonly offset: number
}

/** A call whose operands are not placed yet. */
export interface LoweredCall {
  readonly kernel: KernelName
  readonly operands: readonly Operand[]
  readonly dims: readonly Dimension[]
  readonly scalars: readonly Scalar[]
  readonly label: string
}
