import type { Value } from '../graph/graph.js'
import type { Program } from '../graph/program.js'
import type { StaticShape } from '../shape.js'
import type { Optimizer } from '../training/optimizer.js'
import type { Initializer, Layer } from './layer.js'

/**
 * From a model's layers to the Programs that train, evaluate and predict.
 *
 * Regions of the Programs: `parameters` and `gradients` (flat float32, laid out alike), `buffers` (running
 * statistics), `optimizer.<state>`, `segments` (constant), inputs `x` and `y`, outputs `output` and `rowLoss`,
 * `constants` (of a folded predictor), `scratch`.
 */
export interface ModelDescription {
  readonly root: Layer
  /** Without the batch dimension. */
  readonly inputShape: StaticShape
  readonly outputShape: StaticShape
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

/** A loss gives each row a value; training minimizes their mean. */
export interface Loss {
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  /** Type of `y`: int32 class numbers (shape [batch]), or float32 of the output's shape. */
  readonly target: 'classes' | 'values'
  /** [batch] losses. */
  apply(prediction: Value, target: Value): Value
}

export interface TrainingOptions {
  readonly loss: Loss
  readonly optimizer: Optimizer
  readonly maxBatch: number
  /** The model's seed: dropout's key. */
  readonly key: readonly [number, number]
  readonly frozen?: ReadonlySet<string>
  /** Off only in tests that hold the fused graph against the plain one. */
  readonly fuse?: boolean
}

export interface TrainingProgram {
  readonly program: Program
  /** The optimizer's table for the constant region `segments`: rows of segmentColumns. */
  readonly segments: Float64Array
  /** Region name → bytes, of the optimizer's state. */
  readonly states: Readonly<Record<string, number>>
}
// describeModel(root, inputShape): ModelDescription
// trainingProgram(description, options): TrainingProgram      symbols ['batch'], slots ['step', ...names of optimizer.stepValues], inputs x, y, reports ['loss']
// evaluationProgram(description, { loss, maxBatch }): Program  inputs x, y; outputs output, rowLoss
// inferenceProgram(description, { maxBatch }): Program         input x; output output
// foldedProgram(description, { maxBatch }): { prepare: Program; predict: Program; constantBytes: number }
//   prepare: regions parameters, buffers → constants; predict: region constants, input x → output
// failure(program, result): { label: string; ... } what a CrossingResult's status means
