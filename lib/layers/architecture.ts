import { FileFormatError } from '../errors.js'
import { elu, gelu, leakyRelu, relu, selu, sigmoid, silu, tanh } from './activations.js'
import { batchNorm } from './batch-norm.js'
import { dropout } from './dropout.js'
import { embeddingFromJSON } from './embedding.js'
import { flatten } from './flatten.js'
import { isInitializer } from './initializers.js'
import type { Layer } from './layer.js'
import { layerNorm } from './layer-norm.js'
import { linearFromJSON } from './linear.js'
import { sequential } from './sequential.js'
import { softmax } from './softmax.js'
import { weightNorm } from './weight-norm.js'

/** A layer as a model file holds it: no code. */
export interface LayerJSON {
  readonly kind: string
  readonly name?: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly layers?: readonly LayerJSON[]
}

/** Makes a layer of one kind from its saved options, name, and nested layers. */
export type LayerFactory = (options: Readonly<Record<string, unknown>>, name: string | undefined, layers: readonly Layer[]) => Layer

const named = (options: object, name: string | undefined): object => (name === undefined ? options : { ...options, name })

const factories: Readonly<Record<string, LayerFactory>> = {
  linear: linearFromJSON,
  batchNorm: (options, name) => batchNorm(named(options, name)),
  layerNorm: (options, name) => layerNorm(named(options, name)),
  dropout: ({ rate, ...options }, name) => dropout(rate as number, named(options, name)),
  relu: (options, name) => relu(named(options, name)),
  leakyRelu: (options, name) => leakyRelu(named(options, name)),
  sigmoid: (options, name) => sigmoid(named(options, name)),
  tanh: (options, name) => tanh(named(options, name)),
  gelu: (options, name) => gelu(named(options, name)),
  silu: (options, name) => silu(named(options, name)),
  elu: (options, name) => elu(named(options, name)),
  selu: (options, name) => selu(named(options, name)),
  softmax: (options, name) => softmax(named(options, name)),
  embedding: embeddingFromJSON,
  flatten: (options, name) => flatten(named(options, name)),
  sequential: (_options, _name, layers) => sequential(...layers),
  weightNorm: (_options, _name, layers) => weightNorm(layers[0]!)
}

/** Whether a kind of layer is the library's own. */
export function isBuiltIn(kind: string): boolean {
  return Object.hasOwn(factories, kind)
}

export function layerToJSON(layer: Layer): LayerJSON {
  const { kind, name, options, layers } = layer
  return {
    kind,
    ...(name === undefined ? {} : { name }),
    ...(Object.keys(options).length > 0 ? { options: plainOptions(options) } : {}),
    ...(layers ? { layers: layers.map(layerToJSON) } : {})
  }
}

/** Deeper than any real model, and shallow enough for the stack. */
const deepest = 200

/**
 * @param custom factories for layers of the caller's own, by kind
 * @throws FileFormatError for an unknown kind or a description that does not make a layer
 */
export function layerFromJSON(json: unknown, custom: Readonly<Record<string, LayerFactory>> = {}, depth = 0): Layer {
  const { kind, name, options = {}, layers = [] } = checkJSON(json, depth)
  const factory = Object.hasOwn(custom, kind) ? custom[kind] : Object.hasOwn(factories, kind) ? factories[kind] : undefined
  if (!factory)
    throw new FileFormatError(
      `loadModel: expected layers of a known kind, got '${kind}'. Give what defineLayer gave for it, loadModel(path, { layers: [${kind}] }), or a factory, { layers: { ${kind}: (options, name, layers) => ... } }`,
      { code: 'EVENKEEL_UNKNOWN_LAYER' }
    )
  const nested = layers.map((layer) => layerFromJSON(layer, custom, depth + 1))
  try {
    return factory(options, name, nested)
  } catch (cause) {
    throw new FileFormatError(`loadModel: the options of a '${kind}' layer do not make one: ${(cause as Error).message}`, { cause })
  }
}

function checkJSON(json: unknown, depth: number): LayerJSON {
  const object = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
  const { kind, name, options, layers } = (object(json) ? json : {}) as Record<string, unknown>
  const holds =
    depth <= deepest &&
    typeof kind === 'string' &&
    (name === undefined || typeof name === 'string') &&
    (options === undefined || object(options)) &&
    (layers === undefined || Array.isArray(layers))
  if (!holds) throw new FileFormatError('loadModel: the architecture in the file is not one: expected { kind, name?, options?, layers? }')
  return json as LayerJSON
}

/** Initializers become plain objects; everything else is plain already. */
function plainOptions(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      return [key, isInitializer(value) ? { kind: value.kind, ...value.options } : value]
    })
  )
}
