import { outOfRange, wrongKind } from './errors.js'

/**
 * Philox4x32-10: counter-based random numbers (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
 * 1, 2, 3"). Word n of a stream is a function of seed, stream and n, so any part of it can be made anywhere, in any
 * order, with the same result.
 */
const rounds = 10
const keyStep0 = 0x9e3779b9
const keyStep1 = 0xbb67ae85

/** Upper half of the 64-bit product of two words, from 16-bit halves: no sum below passes 2³², so `imul` loses nothing. */
function multiplyHigh(a: number, b: number): number {
  const low = b & 0xffff
  const high = b >>> 16
  const middle = (Math.imul(a >>> 16, low) + (Math.imul(a & 0xffff, low) >>> 16)) | 0
  const cross = (Math.imul(a & 0xffff, high) + (middle & 0xffff)) | 0
  return (Math.imul(a >>> 16, high) + (middle >>> 16) + (cross >>> 16)) | 0
}

/** Writes the four words of one block to out[at … at + 3]. Counter and key words count modulo 2³². */
export function philoxBlock(
  out: Uint32Array,
  at: number,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  keyLow: number,
  keyHigh: number
): void {
  let c0 = counter0 | 0
  let c1 = counter1 | 0
  let c2 = counter2 | 0
  let c3 = counter3 | 0
  let key0 = keyLow | 0
  let key1 = keyHigh | 0
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0)
    const high1 = multiplyHigh(0xcd9e8d57, c2)
    const low0 = Math.imul(0xd2511f53, c0)
    const low1 = Math.imul(0xcd9e8d57, c2)
    c0 = high1 ^ c1 ^ key0
    c1 = low1
    c2 = high0 ^ c3 ^ key1
    c3 = low0
    key0 = (key0 + keyStep0) | 0
    key1 = (key1 + keyStep1) | 0
  }
  out[at] = c0
  out[at + 1] = c1
  out[at + 2] = c2
  out[at + 3] = c3
}

/** The four words of one block, into out[0 … 3]. */
export function philox(counter: readonly [number, number, number, number], key: readonly [number, number], out: Uint32Array): void {
  philoxBlock(out, 0, counter[0], counter[1], counter[2], counter[3], key[0], key[1])
}

/** What a stream is for: the draws of one purpose never meet those of another. */
export const Purpose = { dropout: 0, initialization: 1, shuffling: 2, augmentation: 3, splitting: 4 } as const
export type PurposeCode = (typeof Purpose)[keyof typeof Purpose]

/** The stream word of a counter. @param ordinal below 2²⁴ */
export const streamOf = (purpose: PurposeCode, ordinal: number): number => purpose * 2 ** 24 + ordinal

/** A model's seed as the two halves of a Philox key, and as the number or bigint that a user reads back. */
export interface Seed {
  readonly low: number
  readonly high: number
  readonly seedValue: number | bigint
}

/**
 * The seed that a user gave, or a random one of 53 bits.
 * @param owner whose option it is, for the message
 * @throws TypeError for anything but number or bigint, RangeError outside 0 … 2⁵³ − 1 (number) or 0 … 2⁶⁴ − 1 (bigint)
 */
export function normalizeSeed(seed: unknown, owner = 'createModel'): Seed {
  const expected = 'seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n'
  if (seed === undefined) {
    const [low, high] = globalThis.crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
    const upper = high & 0x1fffff
    return { low, high: upper, seedValue: upper * 2 ** 32 + low }
  }
  if (typeof seed === 'bigint') {
    if (seed < 0n || seed >> 64n !== 0n) throw outOfRange(owner, expected, seed)
    return { low: Number(seed & 0xffffffffn), high: Number(seed >> 32n), seedValue: seed }
  }
  if (typeof seed !== 'number') throw wrongKind(owner, expected, seed)
  if (!Number.isSafeInteger(seed) || seed < 0) throw outOfRange(owner, expected, seed, 'Larger seeds are written as a bigint, such as 123n')
  return { low: seed >>> 0, high: Math.floor(seed / 2 ** 32), seedValue: seed }
}

export type Key = readonly [low: number, high: number]

const words = new Uint32Array(4)

/** Word i % 4 of block ⌊i/4⌋ belongs to element i: counter (low, high half of the block, 0, stream). */
function drawElements(block: number, key: Key, stream: number): void {
  philoxBlock(words, 0, block, Math.floor(block / 2 ** 32), 0, stream, key[0], key[1])
}

/**
 * Fills out[start … end) with numbers equally likely in [low, high): low + (high − low)·k/2²⁴ with 24 random bits k,
 * in float64, rounded to float32 once (exact for 0 and 1; elsewhere the rounding may reach `high`). An element depends
 * on its index alone: a long fill can be cut into slices.
 */
export function uniformFloats(out: Float32Array, key: Key, stream: number, low: number, high: number, start = 0, end = out.length): void {
  for (let block = Math.floor(start / 4); block * 4 < end; block++) {
    drawElements(block, key, stream)
    const last = Math.min(end, block * 4 + 4)
    for (let i = Math.max(start, block * 4); i < last; i++) out[i] = low + (high - low) * ((words[i & 3]! >>> 8) * 2 ** -24)
  }
}

/**
 * Fills out[start … end) with normal numbers by Box and Muller (1958), in float64, rounded to float32 once. Two words
 * make two numbers; the largest is 6.8 deviations, as 32 bits tell no rarer event. Can be cut into slices as well.
 */
export function normalFloats(
  out: Float32Array,
  key: Key,
  stream: number,
  mean: number,
  deviation: number,
  start = 0,
  end = out.length
): void {
  for (let block = Math.floor(start / 4); block * 4 < end; block++) {
    drawElements(block, key, stream)
    for (let pair = 0; pair < 4; pair += 2) {
      const i = block * 4 + pair
      const radius = deviation * Math.sqrt(-2 * Math.log((words[pair]! + 0.5) * 2 ** -32))
      const angle = 2 * Math.PI * ((words[pair + 1]! + 0.5) * 2 ** -32)
      if (i >= start && i < end) out[i] = mean + radius * Math.cos(angle)
      if (i + 1 >= start && i + 1 < end) out[i + 1] = mean + radius * Math.sin(angle)
    }
  }
}

/**
 * A permutation of 0 … count − 1, every one equally likely as far as the words are: Fisher and Yates from the inside
 * out, without a bias of the range (Lemire 2019: a word whose low product falls into the incomplete part is drawn again).
 * It is made in slices, so that ten million rows do not hold up the event loop; how it is sliced changes nothing.
 */
export class Shuffle {
  /** Complete once `advance` has answered true. */
  readonly indices: Int32Array
  readonly #key: Key
  readonly #stream: number
  readonly #epoch: number
  readonly #words = new Uint32Array(4)
  #placed = 0
  #drawn = 0

  /** @param target how many, or the memory to fill */
  constructor(target: number | Int32Array, key: Key, stream: number, epoch: number) {
    this.indices = typeof target === 'number' ? new Int32Array(target) : target
    this.#key = key
    this.#stream = stream
    this.#epoch = epoch
  }

  /** Places up to `steps` more indices, 200 ns each for ten million: slices of 8192 are under 2 ms. @returns whether all are placed */
  advance(steps = this.indices.length): boolean {
    const indices = this.indices
    const last = Math.min(this.#placed + steps, indices.length)
    for (let i = this.#placed; i < last; i++) {
      const j = this.#below(i + 1)
      indices[i] = indices[j]!
      indices[j] = i
    }
    this.#placed = last
    return last === indices.length
  }

  /** Equally likely in 0 … range − 1. */
  #below(range: number): number {
    for (;;) {
      const word = this.#word()
      const low = Math.imul(word, range) >>> 0
      if (low >= range || low >= 2 ** 32 % range) return multiplyHigh(word, range)
    }
  }

  /** As int32: a larger number would be allocated. Its products are the same. */
  #word(): number {
    const at = this.#drawn & 3
    if (at === 0)
      philoxBlock(this.#words, 0, this.#drawn / 4, Math.floor(this.#drawn / 2 ** 34), this.#epoch, this.#stream, this.#key[0], this.#key[1])
    this.#drawn++
    return this.#words[at]! | 0
  }
}

/** All of a Shuffle at once. */
export function shuffledIndices(count: number, key: Key, stream: number, epoch: number): Int32Array {
  const shuffle = new Shuffle(count, key, stream, epoch)
  shuffle.advance()
  return shuffle.indices
}
