import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { repeated } from '../reference/elementwise.js'

const product = (dims: readonly number[]): number => dims.reduce((total, size) => total * size, 1)
const masked = (dims: readonly number[], mask: number): number[] => dims.map((size, k) => ((mask >> k) & 1 ? 1 : size))
const sides = [
  [1, 5],
  [7, 3],
  [7, 31],
  [7, 32],
  [7, 127],
  [1201, 40],
  [9001, 5]
] as const
/** Along rows, along columns, both, neither, for each of the three. */
const masks = [0, 0b010000, 0b100000, 0b110000].flatMap((condition) =>
  [0, 0b010000, 0b100000].flatMap((a) => [0, 0b100000].map((b): readonly [number, number, number] => [condition, a, b]))
)

describe.each(kernelBackends)('elementwiseWhere on $name', (backend) => {
  it('chooses, whatever is repeated, on any threads', () => {
    const random = testRandom(72)
    const cases = [
      ...sides.map(([rows, columns]) => [1, 1, 1, 1, rows, columns]),
      ...lengths.map((length) => [1, 1, 1, 1, 1, length]),
      [2, 3, 2, 1, 4, 5]
    ]
    for (const dims of cases) {
      for (const [maskC, maskA, maskB] of product(dims) > 10_000 ? masks.slice(0, 9) : masks) {
        const [c, a, b] = [maskC, maskA, maskB].map((mask, i) => {
          const count = product(masked(dims, mask))
          const numbers = i === 0 ? Float32Array.from({ length: count }, () => random.integer(3) - 1) : random.array(count)
          return guarded(Float32Array, count, numbers, i + 1)
        }) as [ReturnType<typeof guarded<Float32Array>>, ReturnType<typeof guarded<Float32Array>>, ReturnType<typeof guarded<Float32Array>>]
        const holds = repeated(c.array, masked(dims, maskC), dims)
        const [yes, no] = [repeated(a.array, masked(dims, maskA), dims), repeated(b.array, masked(dims, maskB), dims)]
        const expected = Float32Array.from(holds, (value, i) => (value !== 0 ? yes[i]! : no[i]!))
        for (const threads of [1, 2]) {
          const out = guarded(Float32Array, product(dims), undefined, 2)
          const operands = [out.array, c.array, a.array, b.array]
          expect(backend.call('elementwiseWhere', operands, dims, [maskC, maskA, maskB, 9, 9], threads).status).toBe(0)
          expectSameBits(out.array, expected, `${dims} by ${maskC}, ${maskA}, ${maskB}`)
          for (const operand of [c, a, b, out]) operand.intact()
        }
      }
    }
  })

  it('takes NaN for true and both zeros for false, keeps bits, and takes numbers', () => {
    const condition = Float32Array.of(0, -0, Number.NaN, 1e-45, Number.NEGATIVE_INFINITY, 1)
    const a = Float32Array.of(1, 2, -0, Number.NaN, 5, Infinity)
    const b = Float32Array.of(-0, Number.NaN, 7, 8, 9, 10)
    const out = new Float32Array(6)
    const dims = [1, 1, 1, 1, 1, 6]
    backend.call('elementwiseWhere', [out, condition, a, b], dims, [0, 0, 0, 0, 0])
    expect([...out]).toEqual([-0, Number.NaN, -0, Number.NaN, 5, Infinity])
    backend.call('elementwiseWhere', [out, condition, null, b], dims, [0, 0, 0, 0.1, 0])
    expect([...out]).toEqual([-0, Number.NaN, ...new Array(4).fill(Math.fround(0.1))])
    backend.call('elementwiseWhere', [out, condition, null, null], dims, [0, 0, 0, 3, Number.NEGATIVE_INFINITY])
    expect([...out]).toEqual([-Infinity, -Infinity, 3, 3, 3, 3])
    backend.call('elementwiseWhere', [out, Float32Array.of(1), null, b], dims, [0b100000, 0, 0, 3, 0])
    expect([...out]).toEqual(new Array(6).fill(3))
    backend.call('elementwiseWhere', [condition, condition, a, b], dims, [0, 0, 0, 0, 0])
    expect([...condition]).toEqual([-0, Number.NaN, -0, Number.NaN, 5, Infinity])
  })
})
