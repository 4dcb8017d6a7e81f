import { describe, expect, it } from 'vitest'
import { Binary, type BinaryName } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { binaryReference, repeated } from '../reference/elementwise.js'

const names = Object.keys(Binary) as BinaryName[]
const product = (dims: readonly number[]): number => dims.reduce((total, size) => total * size, 1)
const masked = (dims: readonly number[], mask: number): number[] => dims.map((size, k) => ((mask >> k) & 1 ? 1 : size))

/** dims, mask of a, mask of b: bit 5 is the last dim. */
const walks: readonly (readonly [readonly number[], number, number])[] = [
  ...lengths.map((length): [number[], number, number] => [[1, 1, 1, 1, 1, length], 0, 0]),
  ...[1, 3, 31, 32, 33, 127].flatMap((columns): [number[], number, number][] => [
    [[1, 1, 1, 1, 7, columns], 0, 0b010000],
    [[1, 1, 1, 1, 7, columns], 0b100000, 0],
    [[1, 1, 1, 1, 7, columns], 0b010000, 0b100000],
    [[1, 1, 1, 1, 7, columns], 0b111111, 0]
  ]),
  [[1, 1, 1, 1, 1, 70_001], 0, 0],
  [[1, 1, 1, 1, 1, 70_001], 0, 0b100000],
  [[1, 1, 1, 1, 1201, 33], 0, 0b010000],
  [[1, 1, 1, 1, 9001, 5], 0b010000, 0b100000],
  [[1, 1, 1, 13, 700, 3], 0, 0b010000],
  [[2, 3, 2, 3, 2, 5], 0b101010, 0b010101],
  [[2, 3, 2, 3, 2, 40], 0b010101, 0b101010],
  [[3, 1, 5, 1, 1, 4], 0b000100, 0b000001],
  [[1, 1, 1, 1, 1, 1], 0b111111, 0b111111],
  [[1, 1, 1, 3, 2, 4], 0b100000, 0b100000],
  [[1, 1, 1, 3, 2, 50], 0b100000, 0b110000],
  [[1, 0, 1, 3, 2, 4], 0, 0b100000],
  [[1, 1, 1, 3, 2, 0], 0, 0b001000]
]

describe.each(kernelBackends)('elementwiseBinary on $name', (backend) => {
  it.each(names)('%s: rounded once, whatever is repeated, on any threads', (name) => {
    const random = testRandom(71)
    for (const [dims, maskA, maskB] of walks) {
      const [shapeA, shapeB] = [masked(dims, maskA), masked(dims, maskB)]
      // Small whole numbers among them, so that some are equal and some are 0.
      const numbers = (count: number): Float32Array => random.array(count).map((x, i) => (i % 3 === 0 ? Math.round(x) : x))
      const a = guarded(Float32Array, product(shapeA), numbers(product(shapeA)), 1)
      const b = guarded(Float32Array, product(shapeB), numbers(product(shapeB)), 3)
      const [left, right] = [repeated(a.array, shapeA, dims), repeated(b.array, shapeB, dims)]
      const expected = Float32Array.from(left, (value, i) => binaryReference[name]!(value, right[i]!))
      for (const threads of [1, 2]) {
        const out = guarded(Float32Array, product(dims), undefined, 2)
        expect(
          backend.call('elementwiseBinary', [out.array, a.array, b.array], dims, [Binary[name], maskA, maskB, 9, 9], threads).status
        ).toBe(0)
        expectSameBits(out.array, expected, `${dims} by ${maskA}, ${maskB}`)
        for (const operand of [a, b, out]) operand.intact()
      }
    }
  })

  it.each(names)('%s of special values, of numbers, and in place', (name) => {
    const special = [0, -0, 1, -1, 0.5, 1e-45, -1e-45, 1e-38, 3e38, -3e38, Infinity, -Infinity, Number.NaN]
    const n = special.length
    const dims = [1, 1, 1, 1, n, n]
    const a = Float32Array.from({ length: n * n }, (_, i) => special[Math.floor(i / n)]!)
    const b = Float32Array.from({ length: n * n }, (_, i) => special[i % n]!)
    const expected = a.map((value, i) => binaryReference[name]!(value, b[i]!))
    const out = new Float32Array(n * n)
    backend.call('elementwiseBinary', [out, a, b], dims, [Binary[name], 0, 0, 0, 0])
    expectSameBits(out, expected, 'dense')
    const few = Float32Array.from(special)
    backend.call('elementwiseBinary', [out, few, few], dims, [Binary[name], 0b100000, 0b010000, 0, 0])
    expectSameBits(out, expected, 'repeated')
    for (const [i, number] of special.entries()) {
      const one = new Float32Array(n)
      backend.call('elementwiseBinary', [one, null, few], [1, 1, 1, 1, 1, n], [Binary[name], 0, 0, number, 0])
      expectSameBits(one, expected.slice(i * n, (i + 1) * n), `${number} with`)
      backend.call('elementwiseBinary', [one, few, null], [1, 1, 1, 1, 1, n], [Binary[name], 0, 0, 0, number])
      expectSameBits(
        one,
        expected.filter((_, k) => k % n === i),
        `with ${number}`
      )
    }
    backend.call('elementwiseBinary', [a, a, b], dims, [Binary[name], 0, 0, 0, 0])
    expectSameBits(a, expected, 'in place')
  })
})
