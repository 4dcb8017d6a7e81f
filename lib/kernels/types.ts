/**
 * The kernel contract: what every kernel reads and writes, the same for the C++ kernels on every
 * instruction set and for their TypeScript twins. `lib/kernels/table.ts` holds one entry a kernel.
 *
 * A kernel is called with operands (typed arrays here, pointers there; `null` where an optional operand is
 * absent), dims (non-negative integers), and scalars (float64). It never allocates, never throws, never keeps an
 * operand. Sizes are in elements. Order everywhere: outputs, saved for backward, inputs, parameters; scalars; dims.
 */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8'
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array

export const bytesPerElement: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, uint8: 1 }

export interface OperandSpec {
  readonly name: string
  readonly dtype: DType
  readonly access: 'read' | 'write' | 'readwrite'
  /** May be null. */
  readonly optional?: true
  /** An output that may be the very same buffer as the named input (never a partial overlap). */
  readonly inPlaceOf?: string
}

/** dims and scalars by position, as the spec names them. */
export type ElementsRule = (dims: readonly number[], scalars: readonly number[]) => number

export interface KernelSpec {
  readonly name: string
  readonly operands: readonly (OperandSpec & { readonly elements: ElementsRule })[]
  readonly dims: readonly string[]
  readonly scalars: readonly string[]
}

/** What a kernel answers. Anything but ok stops the step before its commit; `detail` says where. */
export const Status = {
  ok: 0,
  /** detail: index of the first element that is NaN or infinite. */
  nonFinite: 1,
  /** detail: index of the first label outside 0 … classes − 1. */
  labelOutOfRange: 2
} as const
export type StatusCode = (typeof Status)[keyof typeof Status]

export interface KernelCallArguments {
  readonly operands: readonly (TypedArray | null)[]
  readonly dims: readonly number[]
  readonly scalars: readonly number[]
  /** Written by a kernel that answers anything but ok. */
  detail: number
}

export type PortableKernel = (call: KernelCallArguments) => StatusCode

/** The activation codes that kernels with a fused activation take, in the scalar `activation`. */
export const Activation = { identity: 0, relu: 1, leakyRelu: 2, sigmoid: 3, tanh: 4 } as const
export type ActivationName = keyof typeof Activation

/** The codes that `reduce` and `reduceBackward` take in the scalar `operation`. */
export const Reduction = { sum: 0, mean: 1, max: 2, min: 3 } as const
export type ReductionName = keyof typeof Reduction
