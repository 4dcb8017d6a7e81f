import type { InputSpec } from '../data/input-spec.js'
import type { InputData, TargetData } from '../data/rows.js'
import type { Value } from '../ops/index.js'
import type { Loss } from '../programs/types.js'
import type { StaticShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import type { LossFunction } from './define-loss.js'
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

/** What a model takes and gives where a type says nothing of it: one, or several by name. */
// biome-ignore lint/suspicious/noExplicitAny: whatever it is, it fits
export type AnyInput = any
// biome-ignore lint/suspicious/noExplicitAny: whatever it is, it fits
export type AnyOutput = any

/** Something for a model's only output, or for outputs by name. */
type ByOutput<Y, T> = 0 extends 1 & Y ? T | Readonly<Record<string, T>> : Y extends Tensor ? T : { readonly [K in keyof Y]?: T }

/** `y`: rows of the only output, or of outputs by name. */
export type GivenTargets<Y> = ByOutput<Y, TargetData>
/** A loss, or losses by output; one for all of them. */
export type GivenLosses<Y> = Loss | LossFunction | ByOutput<Y, Loss | LossFunction>
/** Metrics, or metrics by output. */
export type GivenMetrics<Y> = readonly Metric[] | ByOutput<Y, readonly Metric[]>
/** Numbers by output. */
export type LossWeights<Y> = Y extends Tensor ? Readonly<Record<string, number>> : { readonly [K in keyof Y]?: number }
