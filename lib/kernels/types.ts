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
  labelOutOfRange: 2,
  /** detail: index of the first parameter whose update, or the optimizer's state with it, would be NaN or infinite. */
  overflow: 3,
  /** detail: index of the first element out of its range. */
  outOfRange: 4
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

/** The codes that `elementwiseBinary` takes in the scalar `operation`. */
export const Binary = {
  add: 0,
  subtract: 1,
  multiply: 2,
  divide: 3,
  /** NaN where either is NaN; −0 is below +0, for the maximum too. */
  minimum: 4,
  maximum: 5,
  /** Comparisons give 1 or 0. */
  equal: 6,
  notEqual: 7,
  greater: 8,
  greaterEqual: 9,
  /** 0 where a < b, 1/2 where they are equal, else 1: a's share of the gradient of a maximum. */
  share: 10,
  /** 0 where b is 0, whatever a is, else a · b. */
  maskedMultiply: 11
} as const
export type BinaryName = keyof typeof Binary

/** The codes that `elementwiseUnary` takes in the scalar `operation`. */
export const Unary = {
  negate: 0,
  abs: 1,
  /** −1, 1, or x itself where that is 0 or NaN. */
  sign: 2,
  square: 3,
  sqrt: 4,
  exp: 5,
  /** e^x − 1 */
  expm1: 6,
  log: 7,
  /** log(1 + x) */
  log1p: 8,
  erf: 9,
  /** log(1 + e^x) */
  softplus: 10,
  /** x · Φ(x); the derivatives are those at x. */
  gelu: 11,
  geluDerivative: 12,
  /** x · σ(2√(2/π) · (x + 0.044715x³)) */
  geluTanh: 13,
  geluTanhDerivative: 14,
  /** x · σ(x) */
  silu: 15,
  siluDerivative: 16,
  /** x where x > 0, else parameter · (e^x − 1) */
  elu: 17,
  eluDerivative: 18
} as const
export type UnaryName = keyof typeof Unary

/** The codes that `elementLossForward` and `elementLossBackward` take in the scalar `loss`. */
export const ElementLoss = { absolute: 0, huber: 1, binaryCrossEntropy: 2 } as const
export type ElementLossName = keyof typeof ElementLoss

/** The codes that `reduce` and `reduceBackward` take in the scalar `operation`. */
export const Reduction = { sum: 0, mean: 1, max: 2, min: 3 } as const
export type ReductionName = keyof typeof Reduction
