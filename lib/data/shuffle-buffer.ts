import { type Key, Purpose, philoxBlock, streamOf } from '../random.js'
import { type Block, emptyValues, gatherBlock, type Part, rowNumber, type Values } from './blocks.js'

/** Random numbers of one pass, in order. */
export class Draws {
  readonly #key: Key
  readonly #epoch: number
  readonly #stream: number
  readonly #words = new Uint32Array(4)
  #drawn = 0

  constructor(key: Key, epoch: number, ordinal: number) {
    this.#key = key
    this.#epoch = epoch
    // Stream 0 is the order of rows in memory.
    this.#stream = streamOf(Purpose.shuffling, ordinal + 1)
  }

  /** Equally likely in 0 … range − 1, for a range below 2³² (Lemire 2019). */
  below(range: number): number {
    for (;;) {
      const product = BigInt(this.#word()) * BigInt(range)
      const low = Number(product & 0xffffffffn)
      if (low >= range || low >= 2 ** 32 % range) return Number(product >> 32n)
    }
  }

  #word(): number {
    const at = this.#drawn & 3
    if (at === 0)
      philoxBlock(this.#words, 0, this.#drawn / 4, Math.floor(this.#drawn / 2 ** 34), this.#epoch, this.#stream, this.#key[0], this.#key[1])
    this.#drawn++
    return this.#words[at]!
  }
}

/** Up to `size` rows, of which any may be exchanged for a new one. */
export class ShuffleBuffer {
  readonly #size: number
  #held: Block | undefined
  #rows = 0
  #capacity = 0

  constructor(size: number) {
    this.#size = size
  }

  get full(): boolean {
    return this.#rows === this.#size
  }

  /** Takes in rows from `start` on until it is full. @returns how many */
  fill(block: Block, start: number): number {
    const count = Math.min(this.#size - this.#rows, block.rows - start)
    this.#reserve(block, this.#rows + count)
    const { numbers, parts } = this.#held!
    for (let i = 0; i < count; i++) (numbers as Float64Array)[this.#rows + i] = rowNumber(block, start + i)
    for (const [name, { data, width }] of parts)
      copyValues(data, this.#rows * width, block.parts.get(name)!.data, start * width, count * width)
    this.#rows += count
    return count
  }

  /** Puts rows start … end − 1 in, each in the place of one that comes out. */
  exchange(block: Block, start: number, end: number, draws: Draws): Block {
    const rows = end - start
    const places = Int32Array.from({ length: rows }, () => draws.below(this.#rows))
    const held = this.#held!
    const numbers = new Float64Array(rows)
    const inside = held.numbers as Float64Array
    for (let i = 0; i < rows; i++) {
      numbers[i] = inside[places[i]!]!
      inside[places[i]!] = rowNumber(block, start + i)
    }
    const parts = new Map<string, Part>()
    for (const [name, part] of held.parts) {
      const { width } = part
      const out = emptyValues(part.data, rows * width)
      const incoming = block.parts.get(name)!.data
      for (let i = 0; i < rows; i++) {
        copyValues(out, i * width, part.data, places[i]! * width, width)
        copyValues(part.data, places[i]! * width, incoming, (start + i) * width, width)
      }
      parts.set(name, { ...part, data: out })
    }
    return { rows, numbers, parts }
  }

  /** What is left, in random order, a part at a time. */
  *rest(draws: Draws, rowsAtOnce: number): Generator<Block, void, undefined> {
    const order = new Int32Array(this.#rows)
    for (let row = 0; row < order.length; row++) {
      const place = draws.below(row + 1)
      order[row] = order[place]!
      order[place] = row
    }
    for (let row = 0; row < order.length; row += rowsAtOnce) yield gatherBlock(this.#held!, order.subarray(row, row + rowsAtOnce))
  }

  /** Doubled as it fills, so that a large size costs nothing before there are as many rows. */
  #reserve(like: Block, rows: number): void {
    if (rows <= this.#capacity) return
    const old = this.#held
    this.#capacity = Math.min(this.#size, Math.max(rows, this.#capacity * 2))
    const numbers = new Float64Array(this.#capacity)
    if (old) numbers.set(old.numbers as Float64Array)
    const parts = new Map<string, Part>()
    for (const [name, part] of like.parts) {
      const data = emptyValues(part.data, this.#capacity * part.width)
      if (old) copyValues(data, 0, old.parts.get(name)!.data, 0, this.#rows * part.width)
      parts.set(name, { ...part, data })
    }
    this.#held = { rows: this.#capacity, numbers, parts }
  }
}

function copyValues(target: Values, at: number, source: Values, start: number, count: number): void {
  for (let i = 0; i < count; i++) (target as unknown[])[at + i] = source[start + i]
}
