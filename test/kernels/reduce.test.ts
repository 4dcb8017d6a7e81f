import { describe, expect, it } from 'vitest'
import { Reduction, type ReductionName } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { type ReduceDims, reduceReference, reduceTerms } from '../reference/reduce.js'
import { sumReference } from '../reference/sum.js'

const portable = kernelBackends[0]!
const operations = Object.keys(Reduction) as ReductionName[]
const product = (dims: readonly number[]): number => dims.reduce((total, size) => total * size, 1)

/** All elements, last axis, first axis, both ends, the middle: around vectors, stripes of 256, groups of 512 rows, pieces of 16384. */
const shapes: readonly ReduceDims[] = [
  ...lengths.map((length): ReduceDims => [1, 1, 1, length, 1]),
  ...lengths.map((length): ReduceDims => [1, 1, 1, 5, length]),
  [1, 1, 1, 70_001, 1],
  [1, 1, 1, 16_384, 1],
  [3, 1, 1, 16_385, 1],
  [5, 3, 7, 4, 1],
  [2, 5, 3, 4, 6],
  [1, 700, 3, 2, 5],
  [1, 130, 6, 300, 1],
  [1, 1030, 2, 33, 1],
  [1, 1, 1, 2049, 3],
  [1, 1, 1, 600, 300],
  [300, 1, 1, 3, 7],
  [0, 1, 1, 3, 4],
  [3, 1, 1, 0, 4],
  [3, 0, 2, 5, 1],
  [2, 3, 0, 5, 6]
]

describe.each(kernelBackends)('reduce on $name', (backend) => {
  it.each(operations)('%s: within one rounding, the portable bits, on any threads', (name) => {
    for (const dims of shapes) {
      const x = guarded(Float32Array, product(dims), testRandom(61).array(product(dims), 1, 0.3), 1)
      const terms = reduceTerms(x.array, dims)
      const expected = new Float32Array(terms.length)
      portable.call('reduce', [expected, x.array], dims, [Reduction[name]])
      const values = terms.map(reduceReference[name])
      // One rounding to float32; the float64 additions add n · 2⁻⁵³ of Σ|x|. Extremes are exact.
      const bound = (i: number): number => {
        if (name === 'max' || name === 'min' || terms[i]!.length === 0) return 0
        const sums = terms[i]!.length * 2 ** -53 * sumReference(terms[i]!.map(Math.abs))
        return unitRoundoff * Math.abs(values[i]!) + (name === 'mean' ? sums / terms[i]!.length : sums)
      }
      for (const threads of [1, 2]) {
        const out = guarded(Float32Array, terms.length, undefined, 3)
        expect(backend.call('reduce', [out.array, x.array], dims, [Reduction[name]], threads).status).toBe(0)
        const { excess, index } = worstExcess(out.array, values, bound)
        if (terms.length > 0) expect(excess, `element ${index} of ${dims}`).toBeLessThanOrEqual(0)
        expectSameBits(out.array, expected, `${dims}`)
        out.intact()
      }
      x.intact()
    }
  })

  it('keeps small terms beside large ones that cancel, over runs and over rows', () => {
    const x = new Float32Array(3001).fill(2 ** 24)
    x.fill(1, 2, 1000)
    x.fill(-(2 ** 24), 1000)
    x.fill(0, 1002)
    const out = new Float32Array(1)
    backend.call('reduce', [out, x], [1, 1, 1, 3001, 1], [Reduction.sum])
    expect(out[0]).toBe(998)
    const rows = Float32Array.from({ length: 3001 * 3 }, (_, i) => x[Math.floor(i / 3)]!)
    const three = new Float32Array(3)
    backend.call('reduce', [three, rows], [1, 1, 1, 3001, 3], [Reduction.sum])
    expect([...three]).toEqual([998, 998, 998])
    backend.call('reduce', [out, new Float32Array(3001).fill(3e38)], [1, 1, 1, 3001, 1], [Reduction.mean])
    expect(out[0]).toBe(Math.fround(3e38))
  })

  it('propagates NaN wherever it stands, and takes infinities and zeros as they are', () => {
    for (const length of [1, 7, 16, 67, 600]) {
      for (const inner of [1, 5]) {
        for (const at of [0, length >> 1, length - 1]) {
          const x = new Float32Array(length * inner).fill(2)
          x[at * inner] = Number.NaN
          for (const name of operations) {
            const out = new Float32Array(inner)
            backend.call('reduce', [out, x], [1, 1, 1, length, inner], [Reduction[name]])
            expect(out[0], `${name} of ${length} × ${inner}, NaN at ${at}`).toBeNaN()
            expect([...out.slice(1)]).toEqual(new Array(inner - 1).fill(name === 'sum' ? 2 * length : 2))
          }
        }
      }
    }
    const cases: [ReductionName, number[], number][] = [
      ['max', [], Number.NEGATIVE_INFINITY],
      ['min', [], Number.POSITIVE_INFINITY],
      ['sum', [], 0],
      ['mean', [], Number.NaN],
      ['max', [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], Number.NEGATIVE_INFINITY],
      ['min', [1, Number.NEGATIVE_INFINITY], Number.NEGATIVE_INFINITY],
      ['mean', [1, Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY],
      ['max', [-0, -0], 0],
      ['min', [0, -0], 0],
      ['sum', [-0, -0], 0],
      ['max', [1e-45, 0], 1e-45]
    ]
    for (const [name, values, expected] of cases) {
      const out = new Float32Array(1)
      backend.call('reduce', [out, Float32Array.from(values)], [1, 1, 1, values.length, 1], [Reduction[name]])
      expect(out[0], `${name} of ${values}`).toBe(Math.fround(expected))
    }
  })
})
