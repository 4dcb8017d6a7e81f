import { type Key, Purpose, philoxBlock, streamOf } from '../random.js'

/**
 * Random numbers that belong to one row: Philox by seed, epoch and the row's number. So a row is augmented the same way
 * whatever the size of the batches, and wherever a run is resumed.
 */
export interface RowRandom {
  /** Equally likely in [0, 1): 24 random bits. */
  uniform(): number
  /** Normal with mean 0 and deviation 1 (Box and Muller 1958). */
  normal(): number
  /** An integer, equally likely in 0 … below − 1; `below` up to 2³². */
  integer(below: number): number
}

/** One object for all rows of a pass: `at` moves it to the next. */
export class PhiloxRow implements RowRandom {
  readonly #key: Key
  readonly #epoch: number
  readonly #stream: number
  readonly #words = new Uint32Array(4)
  #row = 0
  #drawn = 0

  /** @param ordinal tells several uses in one dataset apart */
  constructor(key: Key, epoch: number, ordinal: number) {
    this.#key = key
    this.#epoch = epoch
    this.#stream = streamOf(Purpose.augmentation, ordinal)
  }

  at(row: number): this {
    this.#row = row
    this.#drawn = 0
    return this
  }

  uniform(): number {
    return (this.#word() >>> 8) * 2 ** -24
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.#word() + 0.5) * 2 ** -32))
    return radius * Math.cos(2 * Math.PI * ((this.#word() + 0.5) * 2 ** -32))
  }

  integer(below: number): number {
    // Lemire 2019: a word whose low product falls into the incomplete part is drawn again.
    for (;;) {
      const product = BigInt(this.#word()) * BigInt(below)
      const low = Number(product & 0xffffffffn)
      if (low >= below || low >= 2 ** 32 % below) return Number(product >> 32n)
    }
  }

  /** Word `drawn` of the row: counter (block, low and high part of the row's number beside the epoch). */
  #word(): number {
    const at = this.#drawn & 3
    if (at === 0) {
      const block = (Math.floor(this.#row / 2 ** 32) << 12) | (this.#drawn >>> 2)
      philoxBlock(this.#words, 0, block, this.#row | 0, this.#epoch, this.#stream, this.#key[0], this.#key[1])
    }
    this.#drawn++
    return this.#words[at]!
  }
}
