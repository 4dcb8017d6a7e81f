/**
 * Reads one number where it stands among the bytes. For up to 15 digits and 22 decimal places, digits and power of ten
 * are both exact in float64, so that one division rounds right (Clinger 1990, "How to read floating point numbers
 * accurately"); all else is left to `Number`.
 */
export class NumberScanner {
  /** What was read. */
  value = 0

  /** @returns where the number ends; −1 where it is none, or one that this does not read */
  scan(bytes: Uint8Array, start: number): number {
    let at = start
    const negative = bytes[at] === minus
    if (negative) at++
    const first = at
    let digits = 0
    let digit = bytes[at]! - zero
    while (digit >= 0 && digit <= 9) {
      digits = digits * 10 + digit
      digit = bytes[++at]! - zero
    }
    let count = at - first
    let scale = 1
    if (bytes[at] === point) {
      const from = ++at
      digit = bytes[at]! - zero
      while (digit >= 0 && digit <= 9) {
        digits = digits * 10 + digit
        digit = bytes[++at]! - zero
      }
      count += at - from
      if (at - from > 22) return -1
      scale = powers[at - from]!
    }
    if (count === 0 || digits >= 2 ** 53) return -1
    const value = digits / scale
    this.value = negative ? -value : value
    return at
  }
}

const zero = 48
const minus = 45
const point = 46
const powers = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

/** Bytes of the longest text that is remembered. */
const longest = 32
const slots = 1 << 10

/** Turns bytes into strings, and gives the same string for the same bytes: a column of few words makes few strings. */
export class TextCells {
  readonly #texts: (string | undefined)[] = new Array(slots)
  readonly #bytes = new Uint8Array(slots * longest)
  readonly #lengths = new Uint8Array(slots)

  text(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length > longest) return bytes.toString('utf8', start, end)
    let hash = length
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
    const slot = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (slots - 1)
    const known = this.#texts[slot]
    if (known !== undefined && this.#lengths[slot] === length && this.#same(slot * longest, bytes, start, end)) return known
    const text = bytes.toString('utf8', start, end)
    this.#texts[slot] = text
    this.#lengths[slot] = length
    // A view for a few bytes would cost more than the bytes.
    for (let i = start, at = slot * longest; i < end; i++, at++) this.#bytes[at] = bytes[i]!
    return text
  }

  #same(at: number, bytes: Buffer, start: number, end: number): boolean {
    const known = this.#bytes
    for (let i = start; i < end; i++) if (known[at + i - start] !== bytes[i]) return false
    return true
  }
}

/** What stands for a number that is missing. */
const missingTexts = new Set(['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', 'None'])

export function isMissing(text: string): boolean {
  return missingTexts.has(text.trim())
}

/** Decimal numbers and infinities; not 0x10 and the like, which no table means. */
export function isNumber(text: string): boolean {
  return /^\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|Infinity)\s*$/.test(text)
}
