import { describe, expectation, withCode, wrongKind } from '../errors.js'
import type { Value } from '../ops/index.js'
import { checkOptions } from '../options.js'
import { isBuiltIn, type LayerFactory } from './architecture.js'
import { initializerFromJSON, isInitializer } from './initializers.js'
import { expectLayer } from './is-layer.js'
import type { Layer, LayerContext } from './layer.js'
import { layerOf } from './make-layer.js'

export interface LayerDefinition<Options extends object> {
  /** What model files call the layer: a name that none of the library's layers has. */
  readonly kind: string
  /** Every option with its default; undefined for one that must be given. Options are plain data, or initializers. */
  readonly defaults?: { readonly [Key in keyof Options]-?: Options[Key] | undefined }
  /** Throws where the options do not make a layer; called when one is made. */
  check?(options: Options): void
  /**
   * The function from a value to a value, written on `evenkeel/ops`: parameters, buffers, nested layers and dropout come
   * from the context. It runs once for each kind of run, not for each step, and must ask for the same each time.
   */
  apply(context: LayerContext, input: Value, options: Options, layers: readonly Layer[]): Value
}

/** What `defineLayer` gives: makes layers, and is what `loadModel` asks for in its option `layers`. */
export interface DefinedLayer<Options extends object> {
  (options?: Partial<Options> & { readonly name?: string }, ...layers: readonly Layer[]): Layer
  readonly kind: string
  readonly fromJSON: LayerFactory
}

/**
 * A layer of one's own, on a par with the library's: its parameters and buffers have dotted names, it is saved and
 * loaded by its kind and options, and gradients follow from the operations that it is written in.
 *
 * @throws TypeError for a definition that is not one, or a kind that the library has itself. The layers' own: TypeError
 * for an option that is unknown, missing, or not plain data
 * @example
 * const shift = defineLayer({
 *   kind: 'shift',
 *   defaults: { initial: 0 },
 *   apply: (context, x, { initial }) => ops.addBias(x, context.parameter('by', [x.shape.at(-1) as number], constant(initial)))
 * })
 * const shifted = createModel(sequential(shift({ initial: 2, name: 'first' }), linear(3)), { input: [4] })
 * await shifted.save('shifted.safetensors')
 * await loadModel('shifted.safetensors', { layers: [shift] })
 */
export function defineLayer<Options extends object = Record<never, never>>(definition: LayerDefinition<Options>): DefinedLayer<Options> {
  const { kind, defaults, check, apply } = checkDefinition(definition)
  const names = Object.keys(defaults ?? {})
  const make = (given: (Partial<Options> & { readonly name?: string }) | undefined, layers: readonly Layer[]): Layer => {
    const { name, ...own } = checkOptions(kind, given, [...names, 'name'] as never) as { name?: string } & Partial<Options>
    const options = { ...defaults, ...definedOf(own) } as Options
    for (const option of names) checkOption(kind, option, options[option as keyof Options])
    for (const [index, layer] of layers.entries()) expectLayer(`${kind}, layer ${index}`, layer)
    check?.(options)
    const applied = (context: LayerContext, input: Value): Value => apply(context, input, options, layers)
    return layerOf(kind, name, options as Readonly<Record<string, unknown>>, applied, layers.length > 0 ? layers : undefined)
  }
  const fromJSON: LayerFactory = (saved, name, layers) => {
    const options = Object.entries(saved).map(([key, value]) => {
      const isInitial = isInitializer(defaults?.[key as keyof Options])
      return [key, isInitial ? initializerFromJSON(value) : value]
    })
    return make({ ...Object.fromEntries(options), ...(name === undefined ? {} : { name }) }, layers)
  }
  const factory = (options?: Partial<Options> & { readonly name?: string }, ...layers: readonly Layer[]): Layer => make(options, layers)
  // A function's own `name` cannot be assigned, and says more in a stack than `factory`.
  return Object.freeze(
    Object.defineProperties(factory, { name: { value: kind }, kind: { value: kind }, fromJSON: { value: fromJSON } })
  ) as DefinedLayer<Options>
}

function checkDefinition<Options extends object>(definition: LayerDefinition<Options>): LayerDefinition<Options> {
  const owner = 'defineLayer'
  const { kind, defaults, apply } = checkOptions(owner, definition, ['kind', 'defaults', 'check', 'apply'])
  if (typeof kind !== 'string' || kind === '') throw wrongKind(owner, 'a kind that is a name', kind)
  if (isBuiltIn(kind))
    throw withCode(
      new TypeError(expectation(owner, 'a kind that the library does not have', describe(kind), 'Model files tell layers by it')),
      'EVENKEEL_NAME'
    )
  if (typeof apply !== 'function') throw wrongKind(owner, 'a function apply(context, input, options, layers)', apply)
  if (defaults !== undefined && (typeof defaults !== 'object' || defaults === null || 'name' in defaults))
    throw wrongKind(owner, 'defaults that are an object of options, name not among them', defaults)
  return definition
}

function definedOf<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

function checkOption(kind: string, option: string, value: unknown): void {
  if (value === undefined) throw wrongKind(kind, `the option ${option}`, value)
  if (!isInitializer(value) && !isPlain(value))
    throw wrongKind(
      kind,
      `plain data for ${option}, which a model file can hold`,
      value,
      'Numbers, strings, booleans, null, arrays and objects of these, or an initializer'
    )
}

/** Options of layers are flat, or nearly; what holds itself has no end, and JSON has no form for it. */
const deepestOption = 64

function isPlain(value: unknown, depth = 0): boolean {
  if (depth > deepestOption) return false
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1))
  return (
    Object.prototype.toString.call(value) === '[object Object]' && Object.values(value as object).every((item) => isPlain(item, depth + 1))
  )
}

/** Layers of one's own as `loadModel` takes them: a list of defined ones, or factories by kind. */
export type CustomLayers =
  | readonly Pick<DefinedLayer<never>, 'kind' | 'fromJSON'>[]
  | Readonly<Record<string, LayerFactory | Pick<DefinedLayer<never>, 'kind' | 'fromJSON'>>>

/** The factories by kind; the option `layers` of `owner`. */
export function layerFactories(owner: string, layers: unknown): Readonly<Record<string, LayerFactory>> {
  if (layers === undefined) return {}
  const advice = 'Such as [myLayer] for one that defineLayer gave, or { kind: (options, name, layers) => layer }'
  if (typeof layers !== 'object' || layers === null)
    throw wrongKind(owner, 'layers to be defined layers, or factories by kind', layers, advice)
  const entries: [string, unknown][] = Array.isArray(layers) ? Array.from(layers, (layer) => [layer?.kind, layer]) : Object.entries(layers)
  return Object.fromEntries(
    entries.map(([kind, layer]) => {
      if (typeof layer !== 'function' || typeof kind !== 'string')
        throw wrongKind(owner, 'layers to be defined layers, or factories by kind', layer, advice)
      return [kind, (layer as Partial<DefinedLayer<never>>).fromJSON ?? (layer as LayerFactory)]
    })
  )
}
