import { describe, FileFormatError, outOfRange, ShapeError, wrongKind } from '../errors.js'
import { checkOptions, numberOption } from '../options.js'
import { normalFloats, uniformFloats } from '../random.js'
import { formatShape, type StaticShape, staticElementCount } from '../shape.js'
import type { Initializer, InitializerRequest } from './layer.js'
import { orthonormalRows } from './orthogonal.js'

/** By its looks; arrays have a `fill` as well, and are options like others. */
export function isInitializer(value: unknown): value is Initializer {
  const mayBe = typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
  return mayBe && typeof (value as Initializer).fill === 'function'
}

export interface HeOptions {
  /** Slope of the leaky relu that follows; default 0, a plain relu. */
  slope?: number
}

/**
 * Uniform in ±√(6 / ((1 + slope²) · fanIn)): keeps the size of activations through relu layers.
 * He et al., "Delving Deep into Rectifiers" (2015), equations 10 and 15.
 *
 * @throws TypeError for an unknown option, RangeError for a slope that is not finite; ShapeError when the model is
 * made and the parameter has fewer than two dimensions. So do all initializers that know a fan.
 * @example linear(128, { weightInitializer: heUniform({ slope: 0.2 }) })
 */
export function heUniform(options?: HeOptions): Initializer {
  const slope = slopeOption('heUniform', options)
  return uniformly('heUniform', { slope }, ({ fanIn }) => Math.sqrt(6 / ((1 + slope * slope) * fanIn)))
}

/**
 * Normal with the deviation √(2 / ((1 + slope²) · fanIn)), not truncated.
 * He et al., "Delving Deep into Rectifiers" (2015), equations 10 and 15.
 */
export function heNormal(options?: HeOptions): Initializer {
  const slope = slopeOption('heNormal', options)
  return normally('heNormal', { slope }, ({ fanIn }) => Math.sqrt(2 / ((1 + slope * slope) * fanIn)))
}

export interface GainOptions {
  /** Multiplies the numbers; default 1. */
  gain?: number
}

/**
 * Uniform in ±gain · √(6 / (fanIn + fanOut)): for tanh and sigmoid.
 * Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), equation 16.
 *
 * @throws RangeError for a gain that is not above 0
 * @example linear(128, { weightInitializer: glorotUniform({ gain: 5 / 3 }) })
 */
export function glorotUniform(options?: GainOptions): Initializer {
  const gain = gainOption('glorotUniform', options)
  return uniformly('glorotUniform', { gain }, ({ fanIn, fanOut }) => gain * Math.sqrt(6 / (fanIn + fanOut)))
}

/** Normal with the deviation gain · √(2 / (fanIn + fanOut)), not truncated. Glorot & Bengio (2010), equation 12. */
export function glorotNormal(options?: GainOptions): Initializer {
  const gain = gainOption('glorotNormal', options)
  return normally('glorotNormal', { gain }, ({ fanIn, fanOut }) => gain * Math.sqrt(2 / (fanIn + fanOut)))
}

/** Uniform in ±√(3 / fanIn). LeCun et al., "Efficient BackProp" (1998), section 4.6. */
export function lecunUniform(): Initializer {
  return uniformly('lecunUniform', {}, ({ fanIn }) => Math.sqrt(3 / fanIn))
}

/** Normal with the deviation √(1 / fanIn), not truncated. LeCun et al., "Efficient BackProp" (1998), section 4.6. */
export function lecunNormal(): Initializer {
  return normally('lecunNormal', {}, ({ fanIn }) => Math.sqrt(1 / fanIn))
}

/**
 * gain · a random matrix `[outputs, fanIn]` with orthonormal rows, or columns where outputs > fanIn, equally likely
 * among all of them. Costs about 4/3 · n³ operations for a square one: 2 s for n = 1024.
 * Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks" (2014).
 */
export function orthogonal(options?: GainOptions): Initializer {
  const kind = 'orthogonal'
  const gain = gainOption(kind, options)
  function* slices(target: Float32Array, { shape, key, stream }: InitializerRequest): Generator<void, void, void> {
    const { outputs, fanIn } = fansOf(kind, shape)
    const [count, length] = [Math.min(outputs, fanIn), Math.max(outputs, fanIn)]
    for (let row = 0; row < count; row++, yield) normalFloats(target, key, stream, 0, 1, row * length, (row + 1) * length)
    const rows = yield* orthonormalRows(target, count, length)
    for (let row = 0; row < count; row++, yield)
      for (let i = 0; i < length; i++) target[outputs > fanIn ? i * count + row : row * length + i] = gain * rows[row * length + i]!
  }
  return {
    kind,
    options: { gain },
    check: checkFans(kind),
    slices,
    fill(target, request) {
      for (const _ of slices(target, request));
    }
  }
}

/**
 * Every number is `value`, rounded to float32.
 *
 * @throws TypeError for something else than a number, RangeError for one that float32 cannot hold
 * @example linear(10, { biasInitializer: constant(0.1) })
 */
export function constant(value: number): Initializer {
  if (typeof value !== 'number') throw wrongKind('constant', 'a number', value)
  if (!Number.isFinite(Math.fround(value))) throw outOfRange('constant', 'a number that float32 can hold', value)
  return filled('constant', { value }, value)
}

/** Every number is 0. */
export function zeros(): Initializer {
  return filled('zeros', {}, 0)
}

/** Every number is 1. */
export function ones(): Initializer {
  return filled('ones', {}, 1)
}

export interface UniformOptions {
  low: number
  high: number
}

/**
 * Uniform between low and high.
 *
 * @throws TypeError where one is missing, RangeError where low is above high
 * @example linear(10, { weightInitializer: uniform({ low: -0.1, high: 0.1 }) })
 */
export function uniform(options: UniformOptions): Initializer {
  const kind = 'uniform'
  const given = checkOptions(kind, options, ['low', 'high'])
  const low = required(kind, 'low', given.low)
  const high = required(kind, 'high', given.high)
  if (low > high) throw outOfRange(kind, `high to be at least low, ${low}`, high)
  return uniformly(kind, { low, high }, (high - low) / 2, (low + high) / 2)
}

export interface NormalOptions {
  /** Default 0. */
  mean?: number
  standardDeviation: number
}

/**
 * Normal with this mean and deviation, not truncated (Box & Muller 1958).
 *
 * @throws TypeError where the deviation is missing, RangeError where it is below 0
 * @example linear(10, { weightInitializer: normal({ standardDeviation: 0.02 }) })
 */
export function normal(options: NormalOptions): Initializer {
  const kind = 'normal'
  const given = checkOptions(kind, options, ['mean', 'standardDeviation'])
  const mean = numberOption(kind, 'mean', given.mean, 0)
  const standardDeviation = numberOption(kind, 'standardDeviation', required(kind, 'standardDeviation', given.standardDeviation), 0, {
    atLeast: 0
  })
  return normally(kind, { mean, standardDeviation }, standardDeviation, mean)
}

/**
 * The initializer that `{ kind, ...options }` describes.
 *
 * @throws FileFormatError for anything else
 */
export function initializerFromJSON(json: unknown): Initializer {
  const { kind, ...options } = (typeof json === 'object' && json !== null ? json : {}) as { kind?: unknown }
  if (typeof kind !== 'string' || !Object.hasOwn(factories, kind))
    throw new FileFormatError(`initializerFromJSON: expected an initializer of this library, got ${describe(kind ?? json)}`)
  return factories[kind]!(options)
}

// biome-ignore lint/suspicious/noExplicitAny: the factories check what they get
const factories: Readonly<Record<string, (options: any) => Initializer>> = {
  heUniform,
  heNormal,
  glorotUniform,
  glorotNormal,
  lecunUniform,
  lecunNormal,
  orthogonal,
  constant: ({ value }) => constant(value),
  zeros,
  ones,
  uniform,
  normal
}

interface Fans {
  readonly outputs: number
  readonly fanIn: number
  readonly fanOut: number
}

/** Of a weight `[outputs, ..., inputs]`: what lies between is the window of a convolution and counts on both sides. */
function fansOf(kind: string, shape: StaticShape, whose = ''): Fans {
  if (shape.length < 2)
    throw new ShapeError(
      `${kind}: expected a weight of two or more dimensions, [outputs, ..., inputs]${whose}, got ${formatShape(shape)}. Use zeros, constant, uniform or normal`,
      { expected: '[outputs, ..., inputs]', actual: shape }
    )
  const outputs = shape[0]!
  return { outputs, fanIn: staticElementCount(shape.slice(1)), fanOut: staticElementCount(shape.slice(0, -1)) }
}

/** What an initializer that knows a fan asks of a shape. */
const checkFans =
  (kind: string) =>
  (shape: StaticShape, parameter: string): void =>
    void fansOf(kind, shape, ` for '${parameter}'`)

/** Half the width of a uniform, the deviation of a normal. */
type Extent = number | ((fans: Fans) => number)

/** middle ± extent */
function uniformly(kind: string, options: Initializer['options'], extent: Extent, middle = 0): Initializer {
  return {
    kind,
    options,
    ...(typeof extent === 'number' ? {} : { check: checkFans(kind) }),
    fill(target, { shape, key, stream, start, end }) {
      const half = extentOf(kind, extent, shape)
      uniformFloats(target, key, stream, middle - half, middle + half, start, end)
    }
  }
}

/** mean ± extent */
function normally(kind: string, options: Initializer['options'], extent: Extent, mean = 0): Initializer {
  return {
    kind,
    options,
    ...(typeof extent === 'number' ? {} : { check: checkFans(kind) }),
    fill(target, { shape, key, stream, start, end }) {
      normalFloats(target, key, stream, mean, extentOf(kind, extent, shape), start, end)
    }
  }
}

function extentOf(kind: string, extent: Extent, shape: StaticShape): number {
  return typeof extent === 'number' ? extent : extent(fansOf(kind, shape))
}

function filled(kind: string, options: Initializer['options'], value: number): Initializer {
  return { kind, options, fill: (target, { start, end }) => void target.fill(value, start, end) }
}

function slopeOption(owner: string, options: HeOptions | undefined): number {
  return numberOption(owner, 'slope', checkOptions(owner, options, ['slope']).slope, 0)
}

function gainOption(owner: string, options: GainOptions | undefined): number {
  return numberOption(owner, 'gain', checkOptions(owner, options, ['gain']).gain, 1, { above: 0 })
}

function required(owner: string, name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongKind(owner, `${name} to be a number`, value)
  return numberOption(owner, name, value, 0)
}
