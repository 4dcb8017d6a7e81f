import { outOfRange, wrongKind } from '../errors.js'
import { thresholdOf } from '../kernels/dropout.js'
import { checkOptions, integerOption } from '../options.js'
import { normalizeSeed } from '../random.js'
import type { Runtime } from '../runtime/runtime.js'
import { float32, given, output, uint8 } from './operands.js'

export interface DropoutForwardOptions {
  /** Any number of elements. */
  readonly x: Float32Array
  /** The share of elements that is dropped, 0 to 1. */
  readonly rate: number
  /** An integer from 0 to 2⁵³ − 1, or a bigint from 0 to 2⁶⁴ − 1. */
  readonly seed: number | bigint
  /** Another step drops other elements; an integer from 0 to 2³² − 1, default 0. */
  readonly step?: number | undefined
  /** Another stream too: one a layer; an integer from 0 to 2³² − 1, default 0. */
  readonly stream?: number | undefined
  /** Receives y; default a new array. May be x itself. */
  readonly out?: Float32Array | undefined
}

export interface DropoutForwardResult {
  readonly y: Float32Array
  /** One bit an element: bit i%8 of byte floor(i/8), 1 = kept, unused bits 0. */
  readonly mask: Uint8Array
}

export interface DropoutBackwardOptions {
  /** Gradient of y. */
  readonly dy: Float32Array
  /** The forward pass's. */
  readonly mask: Uint8Array
  readonly rate: number
  /** Receives dx; default a new array. May be dy itself. */
  readonly out?: Float32Array | undefined
}

const counter = { atLeast: 0, atMost: 2 ** 32 - 1 }

export function dropoutForward(runtime: Runtime, options: DropoutForwardOptions): DropoutForwardResult {
  const owner = 'kernels.dropoutForward'
  checkOptions(owner, given(owner, options), ['x', 'rate', 'seed', 'step', 'stream', 'out'], { p: 'The option is called rate' })
  const elements = lengthOf(options.x)
  const x = float32(owner, 'x', options.x, elements, 'any number')
  const threshold = thresholdOf(dropRate(owner, options.rate))
  const [keyLow, keyHigh] = seedKey(owner, options.seed)
  const step = integerOption(owner, 'step', options.step, 0, counter)
  const stream = integerOption(owner, 'stream', options.stream, 0, counter)
  const y = output(owner, options.out, { elements, reason: 'as x', inputs: { x }, inPlaceOf: 'x' })
  const mask = new Uint8Array(Math.ceil(elements / 8))
  runtime.call('dropoutForward', [y, mask, x], [elements], [threshold, keyLow, keyHigh, 0, step, stream, 0])
  return { y, mask }
}

export function dropoutBackward(runtime: Runtime, options: DropoutBackwardOptions): Float32Array {
  const owner = 'kernels.dropoutBackward'
  checkOptions(owner, given(owner, options), ['dy', 'mask', 'rate', 'out'], { p: 'The option is called rate' })
  const elements = lengthOf(options.dy)
  const dy = float32(owner, 'dy', options.dy, elements, 'any number')
  const mask = uint8(owner, 'mask', options.mask, Math.ceil(elements / 8), `one bit for each of ${elements} elements`)
  const threshold = thresholdOf(dropRate(owner, options.rate))
  const dx = output(owner, options.out, { elements, reason: 'as dy', inputs: { dy, mask }, inPlaceOf: 'dy' })
  runtime.call('dropoutBackward', [dx, dy, mask], [elements], [threshold])
  return dx
}

/** Of what should be an array; whether it is one is checked after. */
const lengthOf = (value: unknown): number => (value as { length?: number } | undefined)?.length ?? 0

function dropRate(owner: string, rate: unknown): number {
  const expected = 'rate to be a number from 0 to 1'
  if (typeof rate !== 'number') throw wrongKind(owner, expected, rate)
  if (!(rate >= 0 && rate <= 1))
    throw outOfRange(owner, expected, rate, 'It is the share of elements that is dropped, as in PyTorch and Keras')
  return rate
}

/** Low and high 32 bits. Raw kernels draw no seed of their own. */
function seedKey(owner: string, seed: unknown): [low: number, high: number] {
  if (seed === undefined) throw wrongKind(owner, 'a seed', seed, 'With the same seed, step and stream it drops the same elements')
  const { low, high } = normalizeSeed(seed, owner)
  return [low, high]
}
