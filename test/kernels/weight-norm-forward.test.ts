import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { normReference, weightNormReference } from '../reference/weight-norm.js'

const portable = kernelBackends[0]!
const rowOf = (array: Float32Array, row: number, columns: number): Float32Array => array.subarray(row * columns, (row + 1) * columns)

describe.each(kernelBackends)('weightNormForward and weightNormScale on $name', (backend) => {
  it.each([1, 1e-18, 1e18])('against float64, in guarded operands, values of about %d', (size) => {
    const random = testRandom(51)
    for (const columns of lengths) {
      const rows = columns % 2 === 0 ? 4 : 3
      const v = guarded(Float32Array, rows * columns, random.array(rows * columns, size), 1)
      const g = guarded(Float32Array, rows, random.array(rows), 3)
      const w = guarded(Float32Array, rows * columns, undefined, 2)
      const [norm, scale, normToo] = [1, 2, 3].map((offset) => guarded(Float32Array, rows, undefined, offset)) as [
        typeof g,
        typeof g,
        typeof g
      ]
      expect(backend.call('weightNormForward', [w.array, norm.array, v.array, g.array], [rows, columns]).status).toBe(0)
      expect(backend.call('weightNormScale', [scale.array, normToo.array, v.array, g.array], [rows, columns]).status).toBe(0)
      expectSameBits(normToo.array, norm.array)
      for (let row = 0; row < rows; row++) {
        const from = rowOf(v.array, row, columns)
        const length = normReference(from)
        // Half an ulp for the norm; float64's share is 2⁻²⁹ times that. Then s = g/norm and w = s·v: three in all.
        expect(Math.abs(norm.array[row]! - length)).toBeLessThanOrEqual(length * unitRoundoff * 1.001)
        const expectedScale = length === 0 ? 0 : g.array[row]! / length
        expect(Math.abs(scale.array[row]! - expectedScale)).toBeLessThanOrEqual(Math.abs(expectedScale) * 2.001 * unitRoundoff + 2 ** -150)
        const expected = weightNormReference(from, g.array[row]!)
        const { excess, index } = worstExcess(
          rowOf(w.array, row, columns),
          expected,
          (i) => Math.abs(expected[i]!) * 3.001 * unitRoundoff + Math.abs(from[i]!) * 2 ** -150
        )
        expect(excess, `columns ${columns}, element ${index}`).toBeLessThanOrEqual(0)
      }
      for (const operand of [v, g, w, norm, scale, normToo]) operand.intact()
    }
  })

  it.each([
    [7, 1009],
    [70, 600],
    [3, 40_000]
  ])('[%i, %i]: the portable bits, on any threads', (rows, columns) => {
    const random = testRandom(52)
    const [v, g] = [random.array(rows * columns, 0.03), random.array(rows)]
    const run = (on: typeof backend, threads: number): Float32Array[] => {
      const [w, norm] = [new Float32Array(v.length), new Float32Array(rows)]
      on.call('weightNormForward', [w, norm, v, g], [rows, columns], [], threads)
      return [w, norm]
    }
    const expected = run(portable, 1)
    for (const actual of [run(backend, 1), run(backend, 2)]) for (const [i, array] of actual.entries()) expectSameBits(array, expected[i]!)
  })

  it('a row of zeros gives 0 whatever g; denormals, infinities and NaN stay in their row, as portable has them', () => {
    const rows = [
      [0, -0, 0],
      [1e-45, 0, -1e-45],
      [1, Number.NaN, 2],
      [1, Number.POSITIVE_INFINITY, -1],
      [3e38, -3e38, 3e38],
      [3, 4, 0]
    ]
    const v = Float32Array.from(rows.flat())
    const g = Float32Array.of(Number.POSITIVE_INFINITY, 1, 1, 1, 1, 10)
    const run = (on: typeof backend): Float32Array[] => {
      const [w, norm, scale, again] = [new Float32Array(18), new Float32Array(6), new Float32Array(6), new Float32Array(6)]
      on.call('weightNormForward', [w, norm, v, g], [6, 3])
      on.call('weightNormScale', [scale, again, v, g], [6, 3])
      return [w, norm, scale, again]
    }
    const [w, norm, scale] = run(backend) as [Float32Array, Float32Array, Float32Array]
    for (const [i, array] of run(portable).entries()) expectSameBits(run(backend)[i]!, array)
    expect([...w.subarray(0, 3)].map(Math.abs)).toEqual([0, 0, 0])
    expect([norm[0], scale[0]]).toEqual([0, 0])
    expect([norm[5], scale[5], ...w.subarray(15)]).toEqual([5, 2, 6, 8, 0])
    expect(norm[1]).toBe(Math.fround(Math.SQRT2 * 2 ** -149))
    expect(w.subarray(6, 9).every(Number.isNaN)).toBe(true)
  })

  it('wrapping with g = ‖v‖ leaves the weights as they are, bit for bit', () => {
    const v = testRandom(53).array(20 * 784, 0.05)
    const [w, norm, g] = [new Float32Array(v.length), new Float32Array(20), new Float32Array(20)]
    backend.call('weightNormScale', [new Float32Array(20), g, v, new Float32Array(20)], [20, 784])
    backend.call('weightNormForward', [w, norm, v, g], [20, 784])
    expectSameBits(w, v)
  })

  it('beyond the last-level cache (of most machines): the portable bits at odd row starts', () => {
    const [rows, columns] = [1027, 4651]
    const v = new Float32Array(rows * columns)
    for (let i = 0; i < v.length; i++) v[i] = ((i * 7919) % 2003) - 1001
    const g = testRandom(54).array(rows)
    const [w, expected] = [new Float32Array(v.length), new Float32Array(v.length)]
    backend.call('weightNormForward', [w, new Float32Array(rows), v, g], [rows, columns])
    portable.call('weightNormForward', [expected, new Float32Array(rows), v, g], [rows, columns])
    expect(Buffer.compare(Buffer.from(w.buffer), Buffer.from(expected.buffer))).toBe(0)
  })
})
