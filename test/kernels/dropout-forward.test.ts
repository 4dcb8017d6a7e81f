import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { keptReference } from '../reference/dropout.js'

const portable = kernelBackends[0]!
/** keyLow, keyHigh, repeat, step, stream, firstBlock */
const drawn = [0x12345678, 0x9abcdef0, 3, 4_000_000_000, 16_777_217, 0]

describe.each(kernelBackends)('dropoutForward on $name', (backend) => {
  it.each([1, 6554, 32768, 65535])('threshold %i: keeps what the oracle keeps, in guarded operands', (threshold) => {
    const random = testRandom(41)
    for (const length of [...lengths, 511, 512, 513, 20_011]) {
      const x = guarded(Float32Array, length, random.array(length), 1)
      const y = guarded(Float32Array, length, undefined, 3)
      const mask = guarded(Uint8Array, Math.ceil(length / 8), undefined, 1)
      const scalars = [threshold, ...drawn]
      expect(backend.call('dropoutForward', [y.array, mask.array, x.array], [length], scalars).status).toBe(0)
      const kept = keptReference(length, scalars)
      const expected = x.array.map((value, i) => (kept[i] ? value * Math.fround(65536 / (65536 - threshold)) : 0))
      expectSameBits(y.array, expected, `length ${length}`)
      const bits = Uint8Array.from(mask.array, (_, byte) =>
        kept.slice(byte * 8, byte * 8 + 8).reduce((sum: number, bit, lane) => sum + (bit ? 2 ** lane : 0), 0)
      )
      expect(mask.array, `length ${length}`).toEqual(bits)
      for (const operand of [x, y, mask]) operand.intact()
    }
  })

  it('threshold 0 is the identity, 65536 gives +0 for any value', () => {
    for (const length of lengths) {
      const x = new Float32Array(length).map((_, i) => [Number.NaN, Number.NEGATIVE_INFINITY, -0, -1e-45, 3][i % 5]!)
      const y = guarded(Float32Array, length)
      const mask = guarded(Uint8Array, Math.ceil(length / 8))
      backend.call('dropoutForward', [y.array, mask.array, x], [length], [0, ...drawn])
      expectSameBits(y.array, x, `length ${length}`)
      expect([...mask.array]).toEqual(Array.from(mask.array, (_, byte) => (byte * 8 + 8 <= length ? 255 : 2 ** (length % 8) - 1)))
      backend.call('dropoutForward', [y.array, mask.array, x], [length], [65536, ...drawn])
      expectSameBits(y.array, new Float32Array(length), `length ${length}`)
      expect(mask.array.every((byte) => byte === 0)).toBe(true)
      for (const operand of [y, mask]) operand.intact()
    }
  })

  it('the portable bits for any value, in place, on any threads, from any block', () => {
    const special = [0, -0, 1e-45, -1e-45, 3.4e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
    const x = Float32Array.from([...special, ...special, ...special, ...testRandom(42).array(60_013)])
    for (const firstBlock of [0, 5, 2 ** 32 - 3]) {
      const scalars = [20_000, 1, 2 ** 32 - 1, 0, 2 ** 32 + 7, 9, firstBlock]
      const run = (on: typeof backend, threads: number, from = x): [Float32Array, Uint8Array] => {
        const y = from === x ? new Float32Array(x.length) : from
        const mask = new Uint8Array(Math.ceil(x.length / 8))
        expect(on.call('dropoutForward', [y, mask, from], [x.length], scalars, threads).status).toBe(0)
        return [y, mask]
      }
      const [expected, expectedMask] = run(portable, 1)
      for (const [y, mask] of [run(backend, 1), run(backend, 2), run(backend, 2, x.slice())]) {
        expectSameBits(y, expected)
        expect(mask).toEqual(expectedMask)
      }
      const kept = Array.from(x, (_, i) => (expectedMask[i >> 3]! >> (i & 7)) & 1)
      expect(expected.every((value, i) => kept[i] || Object.is(value, 0))).toBe(true)
    }
  })

  it('keeps the share that the threshold says, independently from bit to bit', () => {
    const count = 1 << 18
    const [x, y, mask] = [new Float32Array(count).fill(1), new Float32Array(count), new Uint8Array(count / 8)]
    for (const threshold of [6554, 32768, 52429]) {
      backend.call('dropoutForward', [y, mask, x], [count], [threshold, 20261123, 0, 0, 0, 0, 0])
      const p = 1 - threshold / 65536
      let kept = 0
      let pairs = 0
      const ofLane = new Float64Array(8)
      for (let i = 0; i < count; i++) {
        const bit = (mask[i >> 3]! >> (i & 7)) & 1
        kept += bit
        ofLane[i & 7]! += bit
        pairs += i > 0 ? bit & (mask[(i - 1) >> 3]! >> ((i - 1) & 7)) : 0
      }
      // Five deviations of a binomial count: one seed in two million fails, and this one is fixed.
      expect(Math.abs(kept - count * p)).toBeLessThan(5 * Math.sqrt(count * p * (1 - p)))
      expect(Math.abs(pairs - count * p * p)).toBeLessThan(5 * Math.sqrt(count * p * p * (1 - p) * (1 + 3 * p)))
      // Chi-square over the eight lanes, 8 degrees of freedom: above 40 with probability 3e-6.
      const chiSquare = ofLane.reduce((sum, lane) => sum + (lane - (count / 8) * p) ** 2 / ((count / 8) * p * (1 - p)), 0)
      expect(chiSquare).toBeLessThan(40)
      expect(y.reduce((sum, value) => sum + value, 0) / count).toBeCloseTo(1, 1)
    }
  })
})
