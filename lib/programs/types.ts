import type { Value } from '../graph/graph.js'
import type { Program } from '../graph/program.js'
import type { Initializer, Layer } from '../layers/layer.js'
import type { ModelFunction } from '../layers/model-function.js'
import type { Port } from '../layers/ports.js'
import type { StaticShape } from '../shape.js'

/**
 * From a model's layers to the Programs that train, evaluate and predict.
 *
 * Symbol `batch`. Regions: `parameters` and `gradients` (flat float32, laid out alike), `buffers` (running statistics),
 * `optimizer.<state>` and `optimizer.largest`, `segments` (constant), inputs `x` and `y`, outputs `output`, `rowLoss` and `rowWeight`, `constants` (of
 * a folded predictor), `scratch`. A model with names for its inputs or outputs has `x.<name>`, `y.<name>`, `output.<name>`,
 * `rowLoss.<name>` and `rowWeight.<name>` in their place, in the order of its inputs and outputs.
 */
export interface ModelDescription {
  readonly root: Layer | ModelFunction
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly parameters: readonly ParameterSpec[]
  readonly buffers: readonly BufferSpec[]
  /** Elements of the flat parameter region, gaps for alignment included (they are zero and stay zero). */
  readonly parameterElements: number
  readonly bufferBytes: number
  /** For `summary`: one row a leaf layer. */
  readonly layers: readonly LayerRow[]
}

export interface ParameterSpec {
  readonly name: string
  readonly shape: StaticShape
  /** Into the flat region, in elements; a multiple of 16. */
  readonly offset: number
  readonly length: number
  readonly initializer: Initializer
  /** Stream of the initializer. */
  readonly stream: number
  /** Set where the numbers follow from another parameter: g = ‖v‖ by rows. */
  readonly normOf?: string
}

export interface BufferSpec {
  readonly name: string
  readonly shape: StaticShape
  readonly dtype: 'float32' | 'float64'
  /** In bytes; a multiple of 64. */
  readonly offset: number
  readonly length: number
  readonly initial: number
}

export interface LayerRow {
  readonly path: string
  readonly kind: string
  readonly outputShape: StaticShape
  readonly parameters: number
}

/** One value a row, and how much each row counts: both [batch]. No weight is negative. */
export interface WeightedLoss {
  readonly loss: Value
  readonly weight: Value
}

/**
 * A loss gives each row a value l, and a weight w where rows count differently. Training minimizes the batch's mean,
 * Σ wᵣ·lᵣ / Σ wᵣ. Where all weights are 0 the mean is 0, and so are its gradients. No gradient flows to a weight.
 */
export interface Loss {
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  /** Type of `y`: int32 class numbers (shape [batch]), or float32 of the output's shape. */
  readonly target: 'classes' | 'values'
  /** What values must be, besides finite: 'fractions', each in 0 … 1; 'probabilities', and rows whose sum is 1 within 0.01. */
  readonly bounds?: 'fractions' | 'probabilities'
  /** A class number that `y` may hold besides 0 … classes − 1: its rows weigh 0, in the loss and in metrics. */
  readonly ignoreIndex?: number
  /** [batch] losses, with weights or without. */
  apply(prediction: Value, target: Value): Value | WeightedLoss
}

/** A loss for a model's only output, or one for each of its outputs by name; an output without one is not trained. */
export type Losses = Loss | Readonly<Record<string, Loss>>

/** One term of what training minimizes: Σ weight · mean loss. */
export interface Objective {
  /** Index among the model's outputs. */
  readonly output: number
  /** Of that output. */
  readonly key: string | undefined
  readonly loss: Loss
  readonly weight: number
  /** The input that holds its targets: `y`, or `y.price`. */
  readonly target: string
  /** What an error calls it, and its report: `loss`, or `loss.price`. */
  readonly label: string
}

/** How a learning rate changes with the step. Pure: the same step gives the same rate. */
export interface Schedule {
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  /** The rate at `step`, counted from 0. */
  at(step: number): number
  /** The rate that a parameter group's takes the place of: the schedule's own `learningRate`; omitted: the rate at step 0. */
  readonly base?: number
}

/**
 * An optimizer as the Program sees it: one kernel over the flat parameters, with state of the same length.
 * `sgd`, `adam` and `adamW` make these.
 */
export interface Optimizer {
  readonly kind: 'sgd' | 'adam' | 'adamW'
  readonly options: Readonly<Record<string, unknown>>
  readonly learningRate: Schedule
  readonly kernel: 'sgdUpdate' | 'adamUpdate'
  /** Flat float32 state, each as long as the parameters, by the kernel's operand name: `velocity`; zeros at first. */
  readonly states: readonly string[]
  /** The kernel's scalars in order: a constant, or the name of a value of `stepValues`. */
  readonly scalars: readonly (number | string)[]
  /** Values that change with the step (counted from 0): learningRate, and for Adam a and b; rates are multiplied with `factor`, 1 unless given. */
  stepValues(step: number, factor?: number): Readonly<Record<string, number>>
  /** λ, for every segment unless a group says otherwise. */
  readonly weightDecay: number
  /** Longest row of a parameter with two or more dimensions after an update; 0: no limit. */
  readonly maxNorm: number
  /** Longest gradient of all trained parameters together; omitted: no limit. */
  readonly clipNorm?: number
  /** Largest absolute value of an element of a gradient; before clipNorm. */
  readonly clipValue?: number
  /** What differs for some parameters; the first group that matches holds. */
  readonly groups?: readonly OptimizerGroup[]
}

/** What is not said is as for the optimizer. */
export interface OptimizerGroup {
  readonly match: readonly string[]
  /** As the user gave it, and over the schedule's base. */
  readonly learningRate?: number
  readonly rateFactor?: number
  readonly weightDecay?: number
  /** 0: no limit. */
  readonly maxNorm?: number
}

/** How a training Program takes a batch in parts. */
export interface MicroBatches {
  /** Rows a part at most. */
  readonly rows: number
  /** Elements a row of each dropout: slot `firstBlock.<n>` is the eighth part of the number of a part's first element. */
  readonly dropouts: readonly number[]
}

export interface TrainingOptions {
  readonly loss: Losses
  /** By output; 1 unless said otherwise. */
  readonly lossWeights?: Readonly<Record<string, number>> | undefined
  readonly optimizer: Optimizer
  readonly maxBatch: number
  /** Rows that go through together, where the loss is a mean of what each row gives for itself; omitted: all of them. */
  readonly microBatch?: number | undefined
  /** The model's seed: dropout's key. */
  readonly key: readonly [number, number]
  readonly frozen?: ReadonlySet<string>
  /** Whether the data have a weight for each row: an input `sampleWeight`, before the targets. */
  readonly sampleWeight?: boolean
  /** Off only in tests that hold the fused graph against the plain one. */
  readonly fuse?: boolean
}

export interface TrainingProgram {
  /** Reports `loss`, then, where outputs have names, each objective's by its label. */
  readonly program: Program
  /** The optimizer's table for the constant region `segments`: rows of segmentColumns. */
  readonly segments: Float64Array
  /** Region name → bytes, of the optimizer's state. */
  readonly states: Readonly<Record<string, number>>
  /** The smallest batch in which every batch normalization has two values a channel. */
  readonly minimumBatch: number
  /** Where the batch goes through in parts: its symbols are then `batch`, `first` and `last`. */
  readonly microBatches?: MicroBatches
}
