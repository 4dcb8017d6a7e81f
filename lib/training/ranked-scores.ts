import type { Sliced } from '../sliced.js'

/** Rows that one slice moves: about 0.1 ms, of which the cache misses of scattered writes are most. */
const sliceRows = 1 << 13
const chunkRows = 1 << 14
/** Bits of a digit: 2048 counters stay in the nearest cache. */
const digitBits = 11
const buckets = 1 << digitBits
const digits = Math.ceil(64 / digitBits)

/** Float64 scores with a float32 number each, brought into the order of the scores. */
export interface Ranked {
  /** Halves of keys that order as the scores do: equal scores have equal keys. */
  low: Uint32Array
  high: Uint32Array
  values: Float32Array
}

const scratch = new Float64Array(1)
const words = new Uint32Array(scratch.buffer)
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
const [lowWord, highWord] = littleEndian ? [0, 1] : [1, 0]

/** Gathers scores in chunks, so that no growth copies what is there, and sorts them in slices. */
export class ScoreStore {
  readonly #chunks: Ranked[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** A score that is not NaN. −0 is 0. */
  add(score: number, value: number): void {
    const at = this.#count % chunkRows
    if (at === 0) this.#chunks.push(columns(chunkRows))
    const { low, high, values } = this.#chunks[this.#chunks.length - 1]!
    scratch[0] = score === 0 ? 0 : score
    // Of a negative number all bits are turned, of others the sign: unsigned order is then that of the numbers.
    const negative = words[highWord]! >>> 31 === 1
    low[at] = negative ? ~words[lowWord]! : words[lowWord]!
    high[at] = negative ? ~words[highWord]! : words[highWord]! | 0x80000000
    values[at] = value
    this.#count++
  }

  /**
   * All of them, by rising score; equal ones as they came. A radix sort by digits from the lowest, where each pass is
   * stable and linear and may be interrupted anywhere; digits that all keys share are left out. It takes the store's
   * numbers with it.
   */
  *ranked(): Sliced<Ranked> {
    const counts = new Float64Array(digits * buckets)
    let from = yield* this.#joined(counts)
    let to: Ranked | undefined
    for (let digit = 0; digit < digits; digit++) {
      const starts = counts.subarray(digit * buckets, (digit + 1) * buckets)
      if (starts.includes(this.#count)) continue
      to ??= columns(this.#count)
      yield
      let sum = 0
      for (let bucket = 0; bucket < buckets; bucket++) {
        const size = starts[bucket]!
        starts[bucket] = sum
        sum += size
      }
      for (let row = 0; row < this.#count; row += sliceRows) {
        scatter(from, to, digit, starts, row, Math.min(this.#count, row + sliceRows))
        yield
      }
      ;[from, to] = [to, from]
    }
    return from
  }

  /** One array a column, and how often each digit has each of its values. */
  *#joined(counts: Float64Array): Sliced<Ranked> {
    const whole = columns(this.#count)
    for (let start = 0; start < this.#count; start += chunkRows) {
      const chunk = this.#chunks.shift()!
      const rows = Math.min(chunkRows, this.#count - start)
      for (const column of ['low', 'high', 'values'] as const) whole[column].set(chunk[column].subarray(0, rows), start)
      for (let row = start; row < start + rows; row++)
        for (let digit = 0; digit < digits; digit++) counts[digit * buckets + digitOf(whole.low[row]!, whole.high[row]!, digit)]!++
      yield
    }
    return whole
  }
}

function columns(rows: number): Ranked {
  return { low: new Uint32Array(rows), high: new Uint32Array(rows), values: new Float32Array(rows) }
}

function digitOf(low: number, high: number, digit: number): number {
  const shift = digit * digitBits
  if (shift >= 32) return (high >>> (shift - 32)) & (buckets - 1)
  // From bit 22 on a digit reaches into the upper half.
  const upper = shift + digitBits > 32 ? high << (32 - shift) : 0
  return ((low >>> shift) | upper) & (buckets - 1)
}

function scatter(from: Ranked, to: Ranked, digit: number, starts: Float64Array, first: number, end: number): void {
  for (let row = first; row < end; row++) {
    const [low, high] = [from.low[row]!, from.high[row]!]
    const place = starts[digitOf(low, high, digit)]!++
    to.low[place] = low
    to.high[place] = high
    to.values[place] = from.values[row]!
  }
}
