import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { matmulReference } from '../reference/matmul.js'

type Batches = readonly [number, number, number]

/** Small products side by side in chunks, one in a chunk, large ones one after the other; every way to lack dimensions. */
const cases: readonly (readonly [
  batches: Batches,
  size: readonly [m: number, n: number, k: number],
  lackingA: number,
  lackingB: number
])[] = [
  [[1, 1, 1], [3, 4, 5], 0, 0],
  [[5, 1, 1], [1, 1, 1], 0, 0],
  [[70, 1, 1], [3, 5, 7], 0, 0],
  [[64, 1, 1], [32, 32, 32], 0, 0],
  [[3, 1, 1], [17, 33, 65], 1, 0],
  [[3, 1, 1], [17, 33, 65], 0, 1],
  [[3, 4, 2], [6, 5, 3], 2, 5],
  [[3, 4, 2], [6, 5, 3], 5, 2],
  [[3, 4, 2], [6, 5, 3], 7, 0],
  [[2, 3, 2], [7, 9, 300], 1, 4],
  [[3, 1, 1], [170, 161, 155], 0, 0],
  [[4, 1, 1], [5, 6, 0], 0, 0],
  [[0, 2, 2], [5, 6, 2], 0, 0],
  [[2, 2, 2], [0, 6, 2], 0, 0]
]

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!)
}

/** The number of an operand's matrix for product `place`. */
function matrixOf(place: readonly number[], batches: Batches, lacking: number): number {
  return place.reduce((matrix, at, dim) => ((lacking >> dim) & 1 ? matrix : matrix * batches[dim]! + at), 0)
}

describe.each(kernelBackends)('batchMatmul on $name', (backend) => {
  it.each(cases)('%j of %j, lacking %i and %i', (batches, [m, n, k], lackingA, lackingB) => {
    const random = testRandom(95)
    const matrices = (lacking: number): number => batches.reduce((count, size, dim) => ((lacking >> dim) & 1 ? count : count * size), 1)
    const a = Array.from({ length: matrices(lackingA) }, () => random.array(m * k))
    const b = Array.from({ length: matrices(lackingB) }, () => random.array(k * n))
    const count = batches[0] * batches[1] * batches[2]
    let first: Float32Array | undefined
    for (const [transposeA, transposeB] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1]
    ] as const) {
      const flat = (parts: Float32Array[]): number[] => parts.flatMap((part) => [...part])
      const left = guarded(Float32Array, a.length * m * k, flat(transposeA ? a.map((part) => transposed(part, m, k)) : a), 3)
      const right = guarded(Float32Array, b.length * k * n, flat(transposeB ? b.map((part) => transposed(part, k, n)) : b), 2)
      for (const threads of [1, 2, 3]) {
        const out = guarded(Float32Array, count * m * n, undefined, 1)
        const dims = [...batches, m, n, k]
        const scalars = [transposeA, transposeB, lackingA, lackingB]
        expect(backend.call('batchMatmul', [out.array, left.array, right.array], dims, scalars, threads).status).toBe(0)
        if (first) expectSameBits(out.array, first, `${transposeA}${transposeB}, ${threads} threads`)
        first ??= out.array
        for (const operand of [out, left, right]) operand.intact()
      }
    }
    for (let index = 0; index < count; index++) {
      const place = [Math.floor(index / (batches[1] * batches[2])), Math.floor(index / batches[2]) % batches[1], index % batches[2]]
      const [one, other] = [a[matrixOf(place, batches, lackingA)]!, b[matrixOf(place, batches, lackingB)]!]
      const { values, bounds } = matmulReference({ m, n, k, a: one, b: other, bias: null, scale: null, aScale: null })
      const part = first!.subarray(index * m * n, (index + 1) * m * n)
      if (part.length > 0) expect(worstExcess(part, values, (i) => bounds[i]!).excess, `product ${index}`).toBeLessThanOrEqual(0)
      // And the bits that matmul gives.
      const single = new Float32Array(m * n)
      backend.call('matmul', [single, one, other, null, null, null], [m, n, k], [0, 0, 0, 0])
      expectSameBits(part, single)
    }
  })
})
