import { expectation, ShapeError, withCode, wrongKind } from '../errors.js'
import { Graph, isValue, type Value } from '../graph/graph.js'
import { thresholdOf } from '../kernels/dropout.js'
import { checkFinite } from '../ops/check-finite.js'
import { dropout } from '../ops/dropout.js'
import { Purpose, streamOf } from '../random.js'
import { formatShape, isStatic, type Shape, type StaticShape, sameDimension, sameShape, symbol } from '../shape.js'
import { isInitializer } from './initializers.js'
import { isLayer } from './is-layer.js'
import type { Initializer, Layer, LayerContext } from './layer.js'
import type { ModelFunction } from './model-function.js'
import type { Port } from './ports.js'
import { checkRate } from './rate.js'

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

export interface TraceMode {
  readonly training: boolean
  readonly key: readonly [number, number]
}

/** Whether a model is described by a layer, and not by a function. */
export function isLayerModel(root: Layer | ModelFunction): root is Layer {
  return isLayer(root)
}

/** Runs the layers' `apply` over values: once for every kind of Program. */
export function traceModel(root: Layer | ModelFunction, ports: readonly Port[], mode: TraceMode): Trace {
  const graph = new Graph()
  const inputs = ports.map(({ name, shape, dtype }) => graph.input(name, [symbol('batch'), ...shape], dtype))
  const state = new TraceState(graph, mode, isLayerModel(root))
  // First of all, so that what the batch brings is not blamed on a layer.
  if (mode.training)
    for (const [index, { name, dtype }] of ports.entries()) if (dtype === 'float32') graph.labelled(name, () => checkFinite(inputs[index]!))
  const given = isLayerModel(root) ? inputs[0]! : namedInputs(ports, inputs)
  traces.set(graph, state)
  try {
    const result = isLayerModel(root) ? state.root(root, given as Value) : graph.labelled('model', () => root(given as never))
    return { graph, outputs: outputsOf(graph, result), parameters: state.parameters, buffers: state.buffers, layers: state.layers }
  } finally {
    traces.delete(graph)
  }
}

function namedInputs(ports: readonly Port[], inputs: readonly Value[]): Value | Readonly<Record<string, Value>> {
  if (ports[0]!.key === undefined) return inputs[0]!
  return Object.freeze(Object.fromEntries(ports.map(({ key }, index) => [key!, inputs[index]!])))
}

function outputsOf(graph: Graph, result: unknown): TracedOutput[] {
  if (isValue(result)) return [{ key: undefined, value: checkedOutput(graph, 'the output', result) }]
  const expected = 'a model function that returns a value, or an object of values by name'
  if (Object.prototype.toString.call(result) !== '[object Object]')
    throw wrongKind('createModel', expected, result, result === undefined ? 'Give it a return' : undefined)
  const entries = Object.entries(result as Readonly<Record<string, unknown>>)
  if (entries.length === 0) throw wrongKind('createModel', expected, result, 'It has no names')
  return entries.map(([key, value]) => {
    if (!isValue(value)) throw wrongKind('createModel', `the output ${key} to be a value`, value)
    return { key, value: checkedOutput(graph, `the output ${key}`, value) }
  })
}

function checkedOutput(graph: Graph, what: string, value: Value): Value {
  const { shape, dtype } = value
  if (value.graph !== graph) throw wrongKind('createModel', `${what} to be made of the inputs of this call`, value)
  if (dtype !== 'float32') throw withCode(new TypeError(expectation('createModel', `${what} to be of float32`, dtype)), 'EVENKEEL_TYPE')
  if (shape.length === 0 || !sameDimension(shape[0]!, symbol('batch')) || !isStatic(shape.slice(1)))
    throw new ShapeError(expectation('createModel', `${what} to have the shape [batch, ...]`, formatShape(shape)), {
      expected: '[batch, ...]',
      actual: formatShape(shape)
    })
  return value
}

/** The traces on their way, by their graphs: through a value a layer finds the model that it is applied in. */
const traces = new WeakMap<Graph, TraceState>()

/** What calling a layer does. */
export function applyLayer(layer: Layer, input: Value): Value {
  const owner = layer.name === undefined ? layer.kind : `${layer.kind} '${layer.name}'`
  if (!isValue(input))
    throw wrongKind(owner, 'a value of a model', input, 'Layers are called inside a model function; net.predict(x) takes numbers')
  const state = traces.get(input.graph)
  if (!state) throw wrongKind(owner, 'a value of the model function that runs', input, 'Values do not outlive the call that made them')
  return state.call(layer, input)
}

/** Where a layer was applied first: its parameters have their names from there. */
interface Home {
  readonly path: string
  readonly prefix: string
}

class TraceState {
  readonly parameters: TracedParameter[] = []
  readonly buffers: TracedBuffer[] = []
  readonly layers: TracedLayer[] = []
  readonly graph: Graph
  readonly mode: TraceMode
  readonly #layerModel: boolean
  readonly #homes = new Map<Layer, Home>()
  #scope: Context
  #ordinal = 0

  constructor(graph: Graph, mode: TraceMode, layerModel: boolean) {
    this.graph = graph
    this.mode = mode
    this.#layerModel = layerModel
    this.#scope = new Context(this, { path: '', prefix: '', shared: false })
  }

  root(layer: Layer, input: Value): Value {
    const path = layer.name ?? ''
    return this.#apply(layer, { path, prefix: path, shared: false }, input)
  }

  /** A layer called as a function: known by its name, or by how many were called before it in the same scope. */
  call(layer: Layer, input: Value): Value {
    const home = this.#homes.get(layer)
    if (home) return this.#apply(layer, { ...home, shared: true }, input)
    return this.#first(layer, this.#scope, layer.name ?? String(this.#scope.position++), input)
  }

  /** A layer under a name that its parent gives it. */
  child(layer: Layer, scope: Context, name: string, input: Value): Value {
    const home = this.#homes.get(layer)
    if (!home) return this.#first(layer, scope, name, input)
    const path = join(scope.place.path, name)
    // In a file each place has a layer of its own; a shared one would come back as two.
    const refused = this.#layerModel && path !== home.path ? `'${home.path}' and '${path}'` : undefined
    return this.#apply(layer, { path, prefix: home.prefix, shared: true, ...(refused === undefined ? {} : { refused }) }, input)
  }

  #first(layer: Layer, { place }: Context, name: string, input: Value): Value {
    const home = { path: join(place.path, name), prefix: join(place.prefix, name) }
    this.#homes.set(layer, home)
    return this.#apply(layer, { ...home, shared: place.shared }, input)
  }

  #apply(layer: Layer, place: Place, input: Value): Value {
    const [first, row] = [this.parameters.length, this.layers.length]
    const outer = this.#scope
    const { path } = place
    const context = new Context(this, place)
    this.#scope = context
    try {
      const output = this.graph.labelled(path, () => layer.apply(context, input))
      if (!isValue(output)) throw wrongKind(`layer '${path}' (${layer.kind})`, 'apply to return a value', output)
      this.#list(layer.kind, path, output, first, row)
      return output
    } finally {
      this.#scope = outer
    }
  }

  /** A row of the summary for what has parameters of its own, or holds no other layers; once where it is shared. */
  #list(kind: string, path: string, output: Value, firstParameter: number, row: number): void {
    if (this.layers.some((known) => known.path === path)) return
    const nested = new Set(this.layers.slice(row).flatMap(({ parameters }) => parameters))
    const own = this.parameters.slice(firstParameter).flatMap(({ name }) => (nested.has(name) ? [] : [name]))
    // What only holds other layers has no row of its own.
    if (this.layers.length === row || own.length > 0)
      this.layers.splice(row, 0, { path, kind, outputShape: output.shape.slice(1), parameters: own })
  }

  nextOrdinal(): number {
    return this.#ordinal++
  }
}

/** Where a layer is applied. */
interface Place {
  /** What errors call it. */
  readonly path: string
  /** Of its parameters' names. */
  readonly prefix: string
  /** Whether the layer, or one around it, was applied before: its parameters are there already. */
  readonly shared: boolean
  /** Set where it must have no parameters: the two places that it would share them between. */
  readonly refused?: string
}

class Context implements LayerContext {
  readonly place: Place
  /** How many layers without a name were called in here. */
  position = 0
  readonly #state: TraceState
  readonly #override: LayerContext['parameter'] | undefined

  constructor(state: TraceState, place: Place, override?: LayerContext['parameter']) {
    this.place = place
    this.#state = state
    this.#override = override
  }

  get path(): string {
    return this.place.path
  }

  get training(): boolean {
    return this.#state.mode.training
  }

  get key(): readonly [number, number] {
    return this.#state.mode.key
  }

  parameter(name: string, shape: StaticShape, initializer: Initializer, normOf?: string): Value {
    if (this.#override) return this.#override(name, shape, initializer, normOf)
    const full = this.#own(name)
    const { graph, parameters } = this.#state
    const known = this.#known(graph.parameters, full, shape)
    if (known) return known
    checkInitializer(full, shape, initializer)
    const parameter = { name: full, shape, initializer }
    parameters.push(normOf === undefined ? parameter : { ...parameter, normOf: this.#own(normOf) })
    return graph.parameter(full, shape)
  }

  buffer(name: string, shape: StaticShape, initial: number, dtype: 'float32' | 'float64' = 'float32'): Value {
    const full = this.#own(name)
    const { graph, buffers } = this.#state
    const known = this.#known(graph.buffers, full, shape)
    if (known) return known
    buffers.push({ name: full, shape, initial, dtype })
    return graph.buffer(full, shape, dtype)
  }

  child(name: string, layer: Layer, input: Value): Value {
    return this.#state.child(layer, this, name, input)
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
    return new Context(this.#state, this.place, override)
  }

  #own(name: string): string {
    return join(this.place.prefix, name)
  }

  /** The tensor of a layer that was applied before. Throws where a name is taken by another. */
  #known(tensors: ReadonlyMap<string, Value>, full: string, shape: StaticShape): Value | undefined {
    const { graph } = this.#state
    const { shared, refused, path } = this.place
    const known = tensors.get(full)
    if (refused !== undefined)
      throw nameError(
        `createModel: expected each layer with parameters at one place, got the same one at ${refused}. Make a layer for each; a model function can share one`
      )
    if (!shared && (graph.parameters.has(full) || graph.buffers.has(full)))
      throw nameError(
        `createModel: expected every parameter to have a name of its own, got '${full}' twice. Give one of the layers another name`
      )
    if (known && !sameShape(known.shape, shape)) {
      const expected = `inputs of one size wherever the layer '${path}' is applied`
      const got = `'${full}' of shape ${formatShape(known.shape)} and of ${formatShape(shape)}`
      throw new ShapeError(expectation('createModel', expected, got), { expected: known.shape, actual: shape })
    }
    return known
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function nameError(message: string): TypeError {
  return withCode(new TypeError(message), 'EVENKEEL_NAME')
}

/** Here, where the layer that asks for it is known, and not when the first numbers are drawn. */
function checkInitializer(parameter: string, shape: StaticShape, initializer: unknown): void {
  if (!isInitializer(initializer)) {
    const advice = typeof initializer === 'function' ? 'Call it: heUniform(), not heUniform' : 'Such as heUniform()'
    throw wrongKind('createModel', `an initializer for '${parameter}'`, initializer, advice)
  }
  initializer.check?.(shape, parameter)
}
