import { describe, expect, it } from 'vitest'
import { noneIgnored } from '../../lib/kernels/labels.js'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

describe.each(kernelBackends)('labelWeight on $name', (backend) => {
  it('is the weight of the class, 1 without, 0 where it is ignored', () => {
    const random = testRandom(171)
    const classWeight = random.array(10)
    for (const rows of lengths) {
      const labels = guarded(
        Int32Array,
        rows,
        Int32Array.from({ length: rows }, () => (random.uniform() < 0.2 ? -1 : random.integer(10)))
      )
      const weight = guarded(Float32Array, rows, undefined, 2)
      for (const table of [classWeight, null]) {
        expect(backend.call('labelWeight', [weight.array, labels.array, table], [rows, 10], [-1]).status).toBe(Status.ok)
        const expected = Array.from(labels.array, (label) => (label === -1 ? 0 : table ? table[label]! : 1))
        expect([...weight.array]).toEqual(expected)
      }
      for (const operand of [labels, weight]) operand.intact()
    }
  })

  it('refuses other labels before it writes', () => {
    const weight = new Float32Array(4).fill(7)
    const labels = Int32Array.of(1, 2, 10, -1)
    expect(backend.call('labelWeight', [weight, labels, null], [4, 10], [-1])).toEqual({ status: Status.labelOutOfRange, detail: 2 })
    expect(backend.call('labelWeight', [weight, labels, null], [4, 11], [noneIgnored])).toEqual({
      status: Status.labelOutOfRange,
      detail: 3
    })
    expect([...weight]).toEqual([7, 7, 7, 7])
  })
})

describe.each(kernelBackends)('literal on $name', (backend) => {
  it('writes up to 8 numbers at a place, and nothing around it', () => {
    const out = guarded(Float32Array, 12, new Float32Array(12).fill(7), 1)
    expect(backend.call('literal', [out.array], [12, 2, 3], [1, 0.1, -3, 9, 9, 9, 9, 9]).status).toBe(Status.ok)
    expect([...out.array]).toEqual([7, 7, 1, Math.fround(0.1), -3, 7, 7, 7, 7, 7, 7, 7])
    expect(backend.call('literal', [out.array], [12, 4, 8], [1, 2, 3, 4, 5, 6, 7, 8]).status).toBe(Status.ok)
    expect([...out.array.subarray(4)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    // Dims that reach beyond are cut.
    expect(backend.call('literal', [out.array], [12, 10, 8], [5, 6, 7, 8, 9, 9, 9, 9]).status).toBe(Status.ok)
    expect([...out.array.subarray(9)]).toEqual([6, 5, 6])
    out.intact()
  })
})

describe.each(kernelBackends)('checkFractions on $name', (backend) => {
  it('finds the first number outside 0 … 1', () => {
    for (const columns of lengths.slice(1)) {
      const x = guarded(
        Float32Array,
        3 * columns,
        testRandom(172)
          .array(3 * columns)
          .map((value) => Math.abs(value) % 1),
        1
      )
      x.array[0] = 1
      expect(backend.call('checkFractions', [x.array], [3, columns], [0]).status).toBe(Status.ok)
      for (const bad of [-1e-6, 1 + 2 ** -23, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const at = 2 * columns - 1
        const before = x.array[at]!
        x.array[at] = bad
        x.array[3 * columns - 1] = bad
        for (const sums of [0])
          expect(backend.call('checkFractions', [x.array], [3, columns], [sums])).toEqual({ status: Status.outOfRange, detail: at })
        x.array[at] = before
        x.array[3 * columns - 1] = 0
      }
      x.intact()
    }
    expect(backend.call('checkFractions', [new Float32Array(0)], [0, 5], [1]).status).toBe(Status.ok)
  })

  it('finds the first row whose sum is not 1', () => {
    const x = Float32Array.of(0.5, 0.5, 0.25, 0.75, 0.5, 0.25, 1, 1)
    expect(backend.call('checkFractions', [x], [4, 2], [0]).status).toBe(Status.ok)
    expect(backend.call('checkFractions', [x], [4, 2], [1])).toEqual({ status: Status.outOfRange, detail: 4 })
    x.set([0.5, 0.5045, 0.4, 0.595], 4)
    expect(backend.call('checkFractions', [x], [4, 2], [1]).status).toBe(Status.ok)
    expect(backend.call('checkFractions', [Float32Array.of(0, 0, 2, -1)], [2, 2], [1])).toEqual({ status: Status.outOfRange, detail: 0 })
  })
})
