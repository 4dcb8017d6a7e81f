/**
 * Philox4x32-10: counter-based random numbers (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
 * 1, 2, 3"). Word n of a stream is a function of seed, stream and n, so any part of it can be made anywhere, in any
 * order, with the same result.
 */
const rounds = 10
const keyStep0 = 0x9e3779b9
const keyStep1 = 0xbb67ae85

/** Upper half of the 64-bit product 0xd2511f53 · b, from 16-bit halves: no sum below passes 2³², so `imul` loses nothing. */
function multiplyHigh0(b: number): number {
  const low = b & 0xffff
  const high = b >>> 16
  const middle = (Math.imul(0xd251, low) + (Math.imul(0x1f53, low) >>> 16)) | 0
  const cross = (Math.imul(0x1f53, high) + (middle & 0xffff)) | 0
  return (Math.imul(0xd251, high) + (middle >>> 16) + (cross >>> 16)) | 0
}

/** The same for 0xcd9e8d57: two functions, so that the constants are constants to the compiler. */
function multiplyHigh1(b: number): number {
  const low = b & 0xffff
  const high = b >>> 16
  const middle = (Math.imul(0xcd9e, low) + (Math.imul(0x8d57, low) >>> 16)) | 0
  const cross = (Math.imul(0x8d57, high) + (middle & 0xffff)) | 0
  return (Math.imul(0xcd9e, high) + (middle >>> 16) + (cross >>> 16)) | 0
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
    const high0 = multiplyHigh0(c0)
    const high1 = multiplyHigh1(c2)
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
export const Purpose = { dropout: 0, initialization: 1, shuffling: 2 } as const
export type PurposeCode = (typeof Purpose)[keyof typeof Purpose]

/** The stream word of a counter. @param ordinal below 2²⁴ */
export const streamOf = (purpose: PurposeCode, ordinal: number): number => purpose * 2 ** 24 + ordinal
