import { describe, expect, it } from 'vitest'
import { normalFloats, normalizeSeed, Purpose, philox, Shuffle, shuffledIndices, streamOf, uniformFloats } from '../lib/random.js'
import { expectSameBits } from './helpers/bits.js'
import { testRandom } from './helpers/random.js'

const key = [0x12345678, 0x9abcdef0] as const
const stream = streamOf(Purpose.initialization, 3)

/** 0 … count cut at random into slices, some of them empty, taken in a random order. */
function slicesOf(count: number, seed: number): [number, number][] {
  const random = testRandom(seed)
  const cuts = [0, count, ...Array.from({ length: 12 }, () => random.integer(count + 1))].sort((a, b) => a - b)
  const slices = cuts.slice(1).map((end, i): [number, number] => [cuts[i]!, end])
  return slices
    .map((slice) => ({ slice, at: random.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ slice }) => slice)
}

describe('philox', () => {
  // Random123, tests/kat_vectors: philox4x32 10.
  it.each([
    { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
    }
  ])("Random123's known answers: $words", ({ counter, key, words }) => {
    const out = new Uint32Array(4)
    philox(counter as [number, number, number, number], key as [number, number], out)
    expect([...out]).toEqual(words)
  })
})

describe('normalizeSeed', () => {
  it.each([
    [0, 0, 0],
    [7, 7, 0],
    [2 ** 32, 0, 1],
    [2 ** 53 - 1, 0xffffffff, 0x1fffff],
    [0x1234_5678_9abc_def0n, 0x9abcdef0, 0x12345678],
    [2n ** 64n - 1n, 0xffffffff, 0xffffffff]
  ])('%s: its two halves, and the seed itself', (seed, low, high) => {
    expect(normalizeSeed(seed)).toEqual({ low, high, seedValue: seed })
  })

  it('omitted: random, and the value read back gives the same key', () => {
    const { seedValue, ...halves } = normalizeSeed(undefined)
    expect(normalizeSeed(seedValue)).toEqual({ ...halves, seedValue })
    expect(new Set(Array.from({ length: 20 }, () => normalizeSeed(undefined).seedValue)).size).toBe(20)
  })

  it.each([-1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, -1n, 2n ** 64n])('%s is out of range', (seed) => {
    expect(() => normalizeSeed(seed)).toThrow(expect.objectContaining({ name: 'RangeError', code: 'EVENKEEL_RANGE' }))
  })

  it.each(['7', null, true, {}])('%s is no seed', (seed) => {
    expect(() => normalizeSeed(seed)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'EVENKEEL_TYPE' }))
  })

  it('says what to do', () => {
    expect(() => normalizeSeed(2 ** 53)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: createModel: expected seed to be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n**64n - 1n, got 9007199254740992. Larger seeds are written as a bigint, such as 123n]`
    )
  })
})

describe('fills', () => {
  const count = 40_003

  it('uniform: 24 bits each, exact, even over the range', () => {
    const out = new Float32Array(count)
    uniformFloats(out, key, stream, 0, 1)
    expect(out.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24))).toBe(true)
    // Even and odd multiples of 2⁻²⁴: the last bit is there.
    const odd = out.reduce((sum, value) => sum + ((value * 2 ** 24) % 2), 0)
    expect(Math.abs(odd - count / 2)).toBeLessThan(5 * Math.sqrt(count / 4))
    const bins = new Float64Array(64)
    for (const value of out) bins[Math.floor(value * 64)]! += 1
    // Chi-square with 63 degrees of freedom: above 130 with probability 1e-6.
    expect(bins.reduce((sum, bin) => sum + (bin - count / 64) ** 2 / (count / 64), 0)).toBeLessThan(130)
    const wide = new Float32Array(count)
    uniformFloats(wide, key, stream, -3, 5)
    expectSameBits(
      wide,
      out.map((value) => -3 + 8 * value)
    )
  })

  it('normal: mean, deviation, tails and independence of neighbours', () => {
    const out = new Float32Array(count)
    normalFloats(out, key, stream, 2, 3)
    const z = Float64Array.from(out, (value) => (value - 2) / 3)
    const moment = (power: number): number => z.reduce((sum, value) => sum + value ** power, 0) / count
    // Five deviations: of z^k the variance is E z^2k − (E z^k)²: 1, 2, 15, 96.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / count))
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count))
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / count))
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count))
    for (const lag of [1, 2, 4]) {
      const product = z.reduce((sum, value, i) => sum + (i >= lag ? value * z[i - lag]! : 0), 0) / count
      expect(Math.abs(product)).toBeLessThan(5 * Math.sqrt(1 / count))
    }
    // P(|z| > 3) = 0.0026998
    const beyond = z.filter((value) => Math.abs(value) > 3).length
    expect(Math.abs(beyond - count * 0.0026998)).toBeLessThan(5 * Math.sqrt(count * 0.0026998))
  })

  it.each([
    ['uniform', uniformFloats],
    ['normal', normalFloats]
  ])('%s: the same however it is sliced, and other numbers for another stream', (_, fill) => {
    const whole = new Float32Array(1009)
    fill(whole, key, stream, -1, 2)
    const cut = new Float32Array(1009).fill(Number.NaN)
    for (const [start, end] of slicesOf(1009, 71)) fill(cut, key, stream, -1, 2, start, end)
    expectSameBits(cut, whole)
    const other = new Float32Array(1009)
    fill(other, key, stream + 1, -1, 2)
    expect(other.filter((value, i) => value === whole[i]).length).toBeLessThan(2)
    const beyond = new Float32Array(12).fill(9)
    fill(beyond, key, stream, -1, 2, 5, 7)
    expect([...beyond].map((value, i) => value === 9 || i === 5 || i === 6)).not.toContain(false)
  })
})

describe('Shuffle', () => {
  it.each([0, 1, 2, 3, 17, 1009, 65_537])('%i: a permutation, the same however it is sliced', (count) => {
    const whole = shuffledIndices(count, key, stream, 5)
    expect(whole.slice().sort()).toEqual(Int32Array.from({ length: count }, (_, i) => i))
    const random = testRandom(72)
    const shuffle = new Shuffle(count, key, stream, 5)
    while (!shuffle.advance(random.integer(1 + count / 3)));
    expect(shuffle.indices).toEqual(whole)
    expect(shuffle.advance(1)).toBe(true)
    expect(shuffle.indices).toEqual(whole)
  })

  it('another order in another epoch, for another stream and key', () => {
    const orders = [
      shuffledIndices(1009, key, stream, 0),
      shuffledIndices(1009, key, stream, 1),
      shuffledIndices(1009, key, stream + 1, 0),
      shuffledIndices(1009, [key[0] + 1, key[1]], stream, 0)
    ]
    expect(new Set(orders.map(String)).size).toBe(4)
  })

  it('every order of four rows is equally likely', () => {
    const trials = 24_000
    const counts = new Map<string, number>()
    for (let epoch = 0; epoch < trials; epoch++) {
      const order = String(shuffledIndices(4, key, stream, epoch))
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    // Chi-square with 23 degrees of freedom: above 70 with probability 1e-6.
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - trials / 24) ** 2 / (trials / 24), 0)
    expect(chiSquare).toBeLessThan(70)
  })
})
