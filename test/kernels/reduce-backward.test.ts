import { describe, expect, it } from 'vitest'
import { Reduction } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { type ReduceDims, reduceTerms } from '../reference/reduce.js'

const product = (dims: readonly number[]): number => dims.reduce((total, size) => total * size, 1)

const shapes: readonly ReduceDims[] = [
  ...lengths.map((length): ReduceDims => [1, 1, 1, length, 1]),
  ...lengths.map((length): ReduceDims => [1, 1, 1, 3, length]),
  [1, 1, 1, 40_007, 1],
  [1, 1, 1, 3, 20_011],
  [5, 3, 7, 4, 1],
  [2, 5, 3, 4, 6],
  [3, 2, 0, 5, 6]
]

describe.each(kernelBackends)('reduceBackward on $name', (backend) => {
  it.each(['sum', 'mean'] as const)('hands the gradient of a %s to each term, rounded once', (name) => {
    for (const dims of shapes) {
      // Where each element of x takes its gradient from: the reference's terms of the elements' own numbers.
      const terms = reduceTerms(
        Array.from({ length: product(dims) }, (_, index) => index),
        dims
      )
      const values = testRandom(62).array(terms.length)
      for (const [index, special] of [-0, 1e-40, 3e38, Number.NaN, Number.NEGATIVE_INFINITY].entries())
        if (index < values.length) values[index] = special
      const expected = new Float32Array(product(dims))
      for (const [index, elements] of terms.entries())
        for (const element of elements) expected[element] = name === 'mean' ? values[index]! / elements.length : values[index]!
      const dy = guarded(Float32Array, terms.length, values, 3)
      const dx = guarded(Float32Array, product(dims), undefined, 1)
      for (const threads of [1, 2]) {
        dx.array.fill(7)
        expect(backend.call('reduceBackward', [dx.array, dy.array], dims, [Reduction[name]], threads).status).toBe(0)
        expectSameBits(dx.array, expected, `${dims}`)
      }
      dy.intact()
      dx.intact()
    }
  })
})
