import type { InputSpec } from '../data/input-spec.js'
import type { InputData, TargetData } from '../data/rows.js'
import type { Value } from '../ops/index.js'
import type { Loss } from '../programs/types.js'
import type { StaticShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import type { Metric } from './metrics.js'

/** A shape, or `{ shape, scale?, shift?, dtype? }`. */
export type OneInput = StaticShape | InputSpec
/** Inputs by name. */
export type NamedInputs = Readonly<Record<string, OneInput>>

/** What a model function is called with, by the option `input`. */
export type InputValues<I> = I extends OneInput ? Value : { readonly [K in keyof I]: Value }
/** Rows of `x`, by the option `input`. */
export type InputRows<I> = I extends OneInput ? InputData : { readonly [K in keyof I]: InputData }
/** What a model gives, by what its function returns. */
export type OutputTensors<O> = O extends Value ? Tensor : { readonly [K in keyof O]: Tensor }

/** Something for a model's only output, or for some of its outputs by name. */
export type ByOutput<Y, T> = Y extends Tensor ? T : { readonly [K in keyof Y]?: T }
/** Rows of `y`, by what a model gives. */
export type OutputTargets<Y> = ByOutput<Y, TargetData>
export type OutputLoss<Y> = ByOutput<Y, Loss>
export type OutputMetrics<Y> = ByOutput<Y, readonly Metric[]>
export type OutputWeights<Y> = Y extends Tensor ? undefined : { readonly [K in keyof Y]?: number }
