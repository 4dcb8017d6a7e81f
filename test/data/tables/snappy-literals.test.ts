import { snappyUncompress } from 'hyparquet/src/snappy.js'
import { describe, expect, it } from 'vitest'
import { copyLiterals } from '../../../lib/data/tables/snappy-literals.js'

const data = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255)

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

/** Literals of these lengths, one after the other, as Snappy writes them. */
function literals(bytes: Uint8Array, lengths: readonly number[]): Uint8Array {
  const out = varint(bytes.length)
  let at = 0
  for (const length of lengths) {
    const extra = length <= 60 ? 0 : length <= 256 ? 1 : length <= 65536 ? 2 : 3
    out.push(extra === 0 ? (length - 1) << 2 : (59 + extra) << 2)
    for (let index = 0; index < extra; index++) out.push(((length - 1) >>> (8 * index)) & 255)
    out.push(...bytes.subarray(at, at + length))
    at += length
  }
  return Uint8Array.from(out)
}

describe('copyLiterals', () => {
  it.each([[[1]], [[60]], [[61]], [[256, 257]], [[3, 65536, 7]], [[65537, 60, 61]], [[]]])(
    'gives what the library gives: %j',
    (lengths) => {
      const bytes = data(lengths.reduce((sum, length) => sum + length, 0))
      const compressed = literals(bytes, lengths)
      const target = new Uint8Array(bytes.length)
      expect(copyLiterals(compressed, target)).toBe(true)
      expect(target).toEqual(bytes)
      const library = new Uint8Array(bytes.length)
      snappyUncompress(compressed, library)
      expect(library).toEqual(bytes)
    }
  )

  it('leaves everything else to the library', () => {
    const bytes = data(100)
    const whole = literals(bytes, [40, 60])
    const refused = (compressed: Uint8Array, length = 100): void => expect(copyLiterals(compressed, new Uint8Array(length))).toBe(false)
    // Four bytes once more, from one byte before.
    refused(Uint8Array.from([8, 3 << 2, 1, 2, 3, 4, 1, 1]), 8)
    for (const end of [0, 1, 2, 41, 42, 43, whole.length - 1]) refused(whole.subarray(0, end))
    refused(whole, 99)
    refused(whole, 101)
    refused(Uint8Array.from([100, ...literals(data(120), [120]).subarray(1)]))
    refused(Uint8Array.from([...whole, 0, 7]))
    refused(Uint8Array.from([255, 255, 255, 255, 255, 255, 1]))
    refused(Uint8Array.from([100, 63 << 2, 255, 255]))
  })
})
