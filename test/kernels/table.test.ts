import { describe, expect, it } from 'vitest'
import { portableKernels } from '../../lib/kernels/portable.js'
import { kernelTable } from '../../lib/kernels/table.js'
import type { KernelSpec } from '../../lib/kernels/types.js'
import { addon } from '../helpers/backends.js'

const table: readonly KernelSpec[] = kernelTable

/** Distinct primes, so that no two products agree by chance; then ones, zeros, and sizes around a byte of mask and a packed panel. */
const dimCases: readonly (readonly number[])[] = [
  [3, 5, 7],
  [7, 3, 5],
  [1, 1, 1],
  [0, 5, 7],
  [5, 0, 3],
  [5, 7, 0],
  [8, 1, 1],
  [9, 63, 2],
  [2, 64, 9],
  [64, 65, 1],
  [1024, 129, 3]
]
/** Scalars change sizes by matmul's layoutB and by the masks of element-wise operands. */
const scalarCases = [0, 1, 2]
const dimsOf = (spec: KernelSpec, sizes: readonly number[]): number[] =>
  spec.dims.map((_, position) => sizes[position % sizes.length]! + (position < sizes.length ? 0 : position))

describe('the kernel table', () => {
  it('has a TypeScript twin for every kernel, and no other', () => {
    expect(Object.keys(portableKernels)).toEqual(table.map(({ name }) => name))
  })

  it('names every kernel once, and in-place inputs that are operands of the same size and kind', () => {
    expect(new Set(table.map(({ name }) => name)).size).toBe(table.length)
    for (const spec of table) {
      for (const operand of spec.operands) {
        if (operand.inPlaceOf === undefined) continue
        const input = spec.operands.find(({ name }) => name === operand.inPlaceOf)
        expect(input, `${spec.name}.${operand.name}`).toMatchObject({ access: 'read', dtype: operand.dtype })
        for (const sizes of dimCases) {
          const dims = dimsOf(spec, sizes)
          expect(operand.elements(dims, []), spec.name).toBe(input!.elements(dims, []))
        }
      }
    }
  })

  it.skipIf(!addon)('is the native table: names, operands and counts, in the same order', () => {
    const native = addon!.kernels()
    expect(native.map(({ name }) => name)).toEqual(table.map(({ name }) => name))
    for (const [index, spec] of table.entries()) {
      expect(native[index], spec.name).toEqual({
        name: spec.name,
        dims: spec.dims.length,
        scalars: spec.scalars.length,
        operands: spec.operands.map(({ name, dtype, access, optional }) => ({ name, dtype, access, optional: optional === true }))
      })
    }
  })

  it.skipIf(!addon)('has the native sizes of every operand, at many dims', () => {
    for (const [index, spec] of table.entries()) {
      for (const sizes of dimCases) {
        for (const scalar of scalarCases) {
          const dims = dimsOf(spec, sizes)
          const scalars = spec.scalars.map(() => scalar)
          const expected = spec.operands.map((operand) => operand.elements(dims, scalars))
          expect(addon!.elements(index, dims, scalars), `${spec.name} of ${dims}, scalars ${scalar}`).toEqual(expected)
        }
      }
    }
  })
})
