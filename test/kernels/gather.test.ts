import { describe, expect, it } from 'vitest'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const cases: readonly (readonly [outer: number, size: number, inner: number, count: number])[] = [
  ...lengths.map((inner): [number, number, number, number] => [2, 5, inner, 9]),
  [1, 1, 1, 1],
  [1, 300, 40, 1000],
  [3, 70, 33, 500],
  [1, 5, 3, 0],
  [0, 5, 3, 4]
]

function operands(outer: number, size: number, inner: number, count: number) {
  const random = testRandom(73)
  return {
    x: guarded(Float32Array, outer * size * inner, random.array(outer * size * inner), 1),
    dy: guarded(Float32Array, outer * count * inner, random.array(outer * count * inner), 2),
    indices: guarded(
      Int32Array,
      count,
      Array.from({ length: count }, () => random.integer(size)),
      3
    )
  }
}

describe.each(kernelBackends)('gather on $name', (backend) => {
  it.each(cases)('%i × %i × %i by %i, forwards and backwards', (outer, size, inner, count) => {
    const { x, dy, indices } = operands(outer, size, inner, count)
    const dims = [outer, size, inner, count]
    const expected = new Float32Array(outer * count * inner)
    const gradient = new Float32Array(outer * size * inner)
    for (let at = 0; at < expected.length; at++) {
      const [o, j, i] = [Math.floor(at / (count * inner)), Math.floor(at / inner) % count, at % inner]
      const from = (o * size + indices.array[j]!) * inner + i
      expected[at] = x.array[from]!
      gradient[from] = gradient[from]! + dy.array[at]!
    }
    for (const threads of [1, 2]) {
      const out = guarded(Float32Array, expected.length, undefined, 1)
      expect(backend.call('gather', [out.array, x.array, indices.array], dims, [], threads).status).toBe(0)
      expectSameBits(out.array, expected)
      const dx = guarded(Float32Array, gradient.length, undefined, 3)
      dx.array.fill(5)
      expect(backend.call('gatherBackward', [dx.array, dy.array, indices.array], dims, [], threads).status).toBe(0)
      expectSameBits(dx.array, gradient)
      for (const operand of [out, dx]) operand.intact()
    }
    for (const operand of [x, dy, indices]) operand.intact()
  })

  it.each(lengths.slice(1))('oneHot of %i indices', (count) => {
    for (const classes of [1, 3, 17]) {
      const random = testRandom(74)
      const indices = guarded(
        Int32Array,
        count,
        Array.from({ length: count }, () => random.integer(classes)),
        1
      )
      const out = guarded(Float32Array, count * classes, undefined, 3)
      expect(backend.call('oneHot', [out.array, indices.array], [count, classes]).status).toBe(0)
      const expected = Float32Array.from({ length: count * classes }, (_, i) =>
        i % classes === indices.array[Math.floor(i / classes)] ? 1 : 0
      )
      expectSameBits(out.array, expected)
      out.intact()
    }
  })

  it('refuses an index that is out of range, and writes nothing', () => {
    for (const bad of [-1, 5, 2 ** 31 - 1, -(2 ** 31)]) {
      const indices = new Int32Array(40).fill(3)
      indices[37] = bad
      const calls = [
        ['gather', [new Float32Array(80).fill(9), new Float32Array(10), indices], [1, 5, 2, 40]],
        ['gatherBackward', [new Float32Array(10).fill(9), new Float32Array(80), indices], [1, 5, 2, 40]],
        ['oneHot', [new Float32Array(200).fill(9), indices], [40, 5]]
      ] as const
      for (const [kernel, arrays, dims] of calls) {
        expect(backend.call(kernel, arrays, dims)).toEqual({ status: Status.labelOutOfRange, detail: 37 })
        expect(new Set(arrays[0])).toEqual(new Set([9]))
      }
    }
  })
})
