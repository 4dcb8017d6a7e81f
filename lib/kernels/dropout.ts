import { philoxBlock } from '../random.js'

/** Of 65536 equally likely 16-bit numbers those below the threshold are dropped. 0 drops none, 65536 all. */
export function thresholdOf(rate: number): number {
  if (rate <= 0) return 0
  if (rate >= 1) return 65536
  return Math.min(Math.max(Math.round(rate * 65536), 1), 65535)
}

/** What kept elements are multiplied by, so that the expectation is that of the input: a float32. 0 where none is kept. */
export function keepScale(threshold: number): number {
  return threshold >= 65536 ? 0 : Math.fround(65536 / (65536 - threshold))
}

const words = new Uint32Array(4)

/**
 * Mask bytes of elements [begin, end), begin a multiple of 8: bit i%8 of byte floor(i/8), 1 = kept, bits beyond `end` 0.
 * @param scalars threshold, keyLow, keyHigh, repeat, step, stream, firstBlock from position `at` on
 */
export function keepBits(mask: Uint8Array, begin: number, end: number, scalars: readonly number[], at = 0): void {
  const threshold = scalars[at]!
  const last = Math.ceil(end / 8)
  if (threshold === 0 || threshold >= 65536) mask.fill(threshold === 0 ? 255 : 0, begin / 8, last)
  else {
    // One by one: a slice would be allocated.
    const keyLow = scalars[at + 1]!
    const keyHigh = scalars[at + 2]!
    const repeat = scalars[at + 3]!
    const step = scalars[at + 4]!
    const stream = scalars[at + 5]!
    const firstBlock = scalars[at + 6]!
    for (let byte = begin / 8; byte < last; byte++) {
      philoxBlock(words, 0, firstBlock + byte, repeat, step, stream, keyLow, keyHigh)
      let bits = 0
      for (let lane = 0; lane < 8; lane++) {
        const drawn = (words[lane >> 1]! >>> ((lane & 1) << 4)) & 0xffff
        bits |= (drawn >= threshold ? 1 : 0) << lane
      }
      mask[byte] = bits
    }
  }
  if (end % 8 !== 0 && end > begin) mask[last - 1]! &= (1 << (end % 8)) - 1
}

/** Whether element i is kept. */
export function isKept(mask: Uint8Array, i: number): boolean {
  return ((mask[i >>> 3]! >>> (i & 7)) & 1) === 1
}
