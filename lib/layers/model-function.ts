import type { Value } from '../ops/index.js'

/** What a model function gets: its only input, or its inputs by name. */
export type ModelValues = Value | Readonly<Record<string, Value>>

/**
 * A model written as a function: from its input to its output, or from values by name to values by name. It is called
 * whenever the model is planned, and describes the same computation each time: it applies layers and `evenkeel/ops`, and
 * reads no numbers.
 */
export type ModelFunction<Inputs = never, Outputs extends ModelValues = ModelValues> = (inputs: Inputs) => Outputs
