import type { Value } from '../ops/index.js'
import type { StaticShape } from '../shape.js'

/**
 * A layer describes a function from a value to a value. It holds options, no numbers: parameters are asked for by name
 * while the model is traced, and live in the model.
 *
 * Inside a model function a layer is called: `layer(x)`. Called again, it shares its parameters with the first time.
 */
export interface Layer {
  (input: Value): Value
  /** What the saved architecture calls it: `linear`, `batchNorm`, … */
  readonly kind: string
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
  /** Plain data from which `kind`'s factory makes an equal layer: JSON. Nested layers are in `layers`. */
  readonly options: Readonly<Record<string, unknown>>
  readonly layers?: readonly Layer[]
  apply(context: LayerContext, input: Value): Value
}

/** What a layer may ask for while it is traced. */
export interface LayerContext {
  /** Dotted path of the layer: `'0'`, `'encoder.hidden'`; empty at the root. */
  readonly path: string
  readonly training: boolean
  /** Low and high half of the model's seed: the key of every random stream. */
  readonly key: readonly [number, number]
  /**
   * A trainable tensor, `path.name`. The same call in every trace.
   *
   * @param normOf another parameter of this layer: the numbers are the norms of its rows, not the initializer's
   */
  parameter(name: string, shape: StaticShape, initializer: Initializer, normOf?: string): Value
  /**
   * A tensor that training updates without a gradient (running statistics), `path.name`, at first `initial` everywhere.
   * `ops.assign` gives a float32 one new numbers when a training step is committed.
   */
  buffer(name: string, shape: StaticShape, initial: number, dtype?: 'float32' | 'float64'): Value
  /** Applies a nested layer under `path.name`. */
  child(name: string, layer: Layer, input: Value): Value
  /**
   * In training x with elements dropped as the layer `dropout(rate)` does, at inference x itself. Each call is a random
   * stream of its own, so it must come in every trace.
   */
  dropout(x: Value, rate: number): Value
  /** The number of the next random stream: counts over the whole model in trace order. */
  ordinal(): number
  /** Another context for the same path, in which `parameter` is answered by `override`. */
  withParameters(override: LayerContext['parameter']): LayerContext
}

/**
 * Gives a new parameter its numbers, from the model's seed and a stream of its own. For a shape
 * `[outputs, inputs]` (or `[outputs, height, width, inputs]`) fan-in is the product of all but the first size.
 */
export interface Initializer {
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  /** Throws where it cannot fill a parameter of this shape; called when the model is made. */
  check?(shape: StaticShape, parameter: string): void
  /** Fills target[start … end): resumable, so that a long fill can be cut into slices without changing a bit. */
  fill(target: Float32Array, request: InitializerRequest): void
  /** For one that is not made part by part (orthogonal): fills the whole, start is 0, and yields at least every millisecond. */
  slices?(target: Float32Array, request: InitializerRequest): Generator<void, void, void>
}

export interface InitializerRequest {
  readonly shape: StaticShape
  /** Low and high half of the model's seed. */
  readonly key: readonly [number, number]
  readonly stream: number
  readonly start: number
  readonly end: number
}
