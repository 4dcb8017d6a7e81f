import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { moved } from '../reference/moving.js'

const product = (dims: readonly number[]): number => dims.reduce((total, size) => total * size, 1)

/** Matrices round vectors and tiles of 64; batches of them; rows that stay rows; all six dimensions. */
const cases: readonly (readonly [dims: number[], permutation: number[]])[] = [
  ...[
    [1, 1],
    [1, 17],
    [17, 1],
    [3, 4],
    [4, 8],
    [8, 4],
    [16, 16],
    [19, 35],
    [64, 64],
    [65, 63],
    [130, 67],
    [300, 200],
    [0, 5]
  ].map(([a, b]): [number[], number[]] => [
    [1, 1, 1, 1, a!, b!],
    [0, 1, 2, 3, 5, 4]
  ]),
  [
    [1, 1, 3, 5, 7, 9],
    [0, 1, 2, 4, 3, 5]
  ],
  [
    [1, 1, 3, 17, 5, 70],
    [0, 1, 2, 4, 5, 3]
  ],
  [
    [1, 1, 3, 5, 7, 9],
    [0, 1, 5, 4, 3, 2]
  ],
  [
    [2, 3, 4, 5, 3, 2],
    [5, 3, 1, 4, 2, 0]
  ],
  [
    [2, 3, 4, 5, 3, 2],
    [1, 0, 3, 2, 4, 5]
  ],
  [
    [2, 3, 4, 5, 3, 2],
    [0, 1, 2, 3, 4, 5]
  ]
]

describe.each(kernelBackends)('permute on $name', (backend) => {
  it.each(cases)('%j by %j', (dims, permutation) => {
    const x = guarded(Float32Array, product(dims), testRandom(71).array(product(dims)), 1)
    if (x.array.length > 0) x.array[0] = Number.NaN
    const shape = permutation.map((axis) => dims[axis]!)
    const expected = moved(x.array, dims, shape, (place) => dims.map((_, axis) => place[permutation.indexOf(axis)]!))
    for (const threads of [1, 2]) {
      const out = guarded(Float32Array, product(dims), undefined, 3)
      expect(backend.call('permute', [out.array, x.array], dims, permutation, threads).status).toBe(0)
      expectSameBits(out.array, Float32Array.from(expected))
      out.intact()
    }
    x.intact()
  })
})
