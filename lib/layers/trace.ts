import { withCode, wrongKind } from '../errors.js'
import { Graph, isValue, type Value } from '../graph/graph.js'
import { thresholdOf } from '../kernels/dropout.js'
import { checkFinite } from '../ops/check-finite.js'
import { dropout } from '../ops/dropout.js'
import { Purpose, streamOf } from '../random.js'
import { type Shape, type StaticShape, symbol } from '../shape.js'
import { checkRate } from './dropout.js'
import type { Initializer, Layer, LayerContext } from './layer.js'
import type { Port } from './ports.js'

/** What one trace of a model asked for, in the order of asking. */
export interface Trace {
  readonly graph: Graph
  readonly outputs: readonly TracedOutput[]
  readonly parameters: readonly TracedParameter[]
  readonly buffers: readonly TracedBuffer[]
  readonly layers: readonly TracedLayer[]
}

export interface TracedOutput {
  /** undefined where the model has one output without a name. */
  readonly key: string | undefined
  readonly value: Value
}

export interface TracedParameter {
  readonly name: string
  readonly shape: StaticShape
  readonly initializer: Initializer
  readonly normOf?: string
}

export interface TracedBuffer {
  readonly name: string
  readonly shape: StaticShape
  readonly initial: number
  readonly dtype: 'float32' | 'float64'
}

export interface TracedLayer {
  readonly path: string
  readonly kind: string
  readonly outputShape: Shape
  readonly parameters: readonly string[]
}

/** Runs the layers' `apply` over values: once for every kind of Program. */
export function traceModel(
  root: Layer,
  ports: readonly Port[],
  mode: { readonly training: boolean; readonly key: readonly [number, number] }
): Trace {
  const graph = new Graph()
  const inputs = ports.map(({ name, shape, dtype }) => graph.input(name, [symbol('batch'), ...shape], dtype))
  const state = new TraceState(graph, mode)
  // First of all, so that what the batch brings is not blamed on a layer.
  if (mode.training)
    for (const [index, { name, dtype }] of ports.entries()) if (dtype === 'float32') graph.labelled(name, () => checkFinite(inputs[index]!))
  const outputs = [{ key: undefined, value: state.apply(root, root.name ?? '', inputs[0]!) }]
  return { graph, outputs, parameters: state.parameters, buffers: state.buffers, layers: state.layers }
}

class TraceState {
  readonly parameters: TracedParameter[] = []
  readonly buffers: TracedBuffer[] = []
  readonly layers: TracedLayer[] = []
  readonly graph: Graph
  readonly mode: { readonly training: boolean; readonly key: readonly [number, number] }
  #ordinal = 0

  constructor(graph: Graph, mode: { readonly training: boolean; readonly key: readonly [number, number] }) {
    this.graph = graph
    this.mode = mode
  }

  apply(layer: Layer, path: string, input: Value): Value {
    const [first, row] = [this.parameters.length, this.layers.length]
    const output = this.graph.labelled(path, () => layer.apply(new Context(this, path), input))
    if (!isValue(output)) throw wrongKind(`layer '${path}' (${layer.kind})`, 'apply to return a value', output)
    const nested = new Set(this.layers.slice(row).flatMap(({ parameters }) => parameters))
    const own = this.parameters.slice(first).flatMap(({ name }) => (nested.has(name) ? [] : [name]))
    // What only holds other layers has no row of its own.
    if (this.layers.length === row || own.length > 0)
      this.layers.splice(row, 0, { path, kind: layer.kind, outputShape: output.shape.slice(1), parameters: own })
    return output
  }

  nextOrdinal(): number {
    return this.#ordinal++
  }
}

class Context implements LayerContext {
  readonly path: string
  readonly #state: TraceState
  readonly #override: LayerContext['parameter'] | undefined

  constructor(state: TraceState, path: string, override?: LayerContext['parameter']) {
    this.path = path
    this.#state = state
    this.#override = override
  }

  get training(): boolean {
    return this.#state.mode.training
  }

  get key(): readonly [number, number] {
    return this.#state.mode.key
  }

  parameter(name: string, shape: StaticShape, initializer: Initializer, normOf?: string): Value {
    if (this.#override) return this.#override(name, shape, initializer, normOf)
    const full = this.#join(name)
    this.#refuseTwice(full)
    const parameter = { name: full, shape, initializer }
    this.#state.parameters.push(normOf === undefined ? parameter : { ...parameter, normOf: this.#join(normOf) })
    return this.#state.graph.parameter(full, shape)
  }

  buffer(name: string, shape: StaticShape, initial: number, dtype: 'float32' | 'float64' = 'float32'): Value {
    const full = this.#join(name)
    this.#refuseTwice(full)
    this.#state.buffers.push({ name: full, shape, initial, dtype })
    return this.#state.graph.buffer(full, shape, dtype)
  }

  child(name: string, layer: Layer, input: Value): Value {
    return this.#state.apply(layer, this.#join(name), input)
  }

  dropout(x: Value, rate: number): Value {
    checkRate(`dropout in layer '${this.path}'`, rate)
    const stream = streamOf(Purpose.dropout, this.ordinal())
    return this.training && rate > 0 ? dropout(x, { threshold: thresholdOf(rate), key: this.key, stream }) : x
  }

  ordinal(): number {
    return this.#state.nextOrdinal()
  }

  withParameters(override: LayerContext['parameter']): LayerContext {
    return new Context(this.#state, this.path, override)
  }

  #join(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  #refuseTwice(name: string): void {
    const { graph } = this.#state
    if (graph.parameters.has(name) || graph.buffers.has(name))
      throw withCode(
        new TypeError(
          `createModel: expected every parameter to have a name of its own, got '${name}' twice. Give one of the layers another name`
        ),
        'EVENKEEL_NAME'
      )
  }
}
