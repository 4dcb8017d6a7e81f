import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { normReference, weightNormGradientReference, weightNormReference } from '../reference/weight-norm.js'

const portable = kernelBackends[0]!
const rowOf = (array: Float32Array, row: number, columns: number): Float32Array => array.subarray(row * columns, (row + 1) * columns)
const normsOf = (v: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: rows }, (_, row) => normReference(rowOf(v, row, columns)))

describe.each(kernelBackends)('weightNormBackward on $name', (backend) => {
  it.each([1, 1e-10, 1e18])('against float64, in guarded operands, v of about %d', (size) => {
    const random = testRandom(61)
    for (const columns of lengths) {
      const rows = columns % 2 === 0 ? 4 : 3
      const v = guarded(Float32Array, rows * columns, random.array(rows * columns, size), 1)
      const dw = guarded(Float32Array, rows * columns, random.array(rows * columns), 2)
      const g = guarded(Float32Array, rows, random.array(rows), 3)
      const norm = guarded(Float32Array, rows, normsOf(v.array, rows, columns), 1)
      const dv = guarded(Float32Array, rows * columns, undefined, 2)
      const dg = guarded(Float32Array, rows, undefined, 1)
      const operands = [dv, dg, dw, v, g, norm]
      expect(
        backend.call(
          'weightNormBackward',
          operands.map(({ array }) => array),
          [rows, columns]
        ).status
      ).toBe(0)
      for (let row = 0; row < rows; row++) {
        const [from, down] = [rowOf(v.array, row, columns), rowOf(dw.array, row, columns)]
        const expected = weightNormGradientReference(down, from, g.array[row]!)
        // dg: its own rounding and that of the norm; the float64 sum beside them.
        const sumError = expected.absoluteDot * columns * 2 ** -52
        expect(Math.abs(dg.array[row]! - expected.dg)).toBeLessThanOrEqual(Math.abs(expected.dg) * 2.001 * unitRoundoff + sumError)
        // t = dg/norm carries 4 roundings, v·t 5; the difference 1, s = g/norm 2, their product 1.
        const length = normReference(from)
        const scale = Math.abs(g.array[row]! / length)
        const bound = (i: number): number => {
          const along = Math.abs((from[i]! / length) * expected.dg)
          return scale * (unitRoundoff * 1.001 * (5 * along + 4 * (Math.abs(down[i]!) + along)) + sumError) + 2 ** -149
        }
        const { excess, index } = worstExcess(rowOf(dv.array, row, columns), expected.dv, bound)
        expect(excess, `columns ${columns}, element ${index}`).toBeLessThanOrEqual(0)
      }
      for (const operand of operands) operand.intact()
    }
  })

  it('against central differences of Σ dw·w in float64', () => {
    const [rows, columns] = [3, 37]
    const random = testRandom(62)
    const [v, dw, g] = [random.array(rows * columns), random.array(rows * columns), random.array(rows)]
    const [dv, dg] = [new Float32Array(v.length), new Float32Array(rows)]
    backend.call('weightNormBackward', [dv, dg, dw, v, g, normsOf(v, rows, columns)], [rows, columns])
    const step = 2 ** -17
    const loss = (at: Float64Array, gain: number, down: Float32Array): number =>
      weightNormReference(at, gain).reduce((sum, value, i) => sum + value * down[i]!, 0)
    for (let row = 0; row < rows; row++) {
      const [from, down, gain] = [Float64Array.from(rowOf(v, row, columns)), rowOf(dw, row, columns), g[row]!]
      const slopeOfGain = (loss(from, gain + step, down) - loss(from, gain - step, down)) / (2 * step)
      // The loss is of order 10: rounding 2⁻⁵²·10/step < 1e-9, the cubic term step² < 1e-10; float32 the rest.
      expect(Math.abs(dg[row]! - slopeOfGain)).toBeLessThanOrEqual(8 * unitRoundoff * (Math.abs(slopeOfGain) + 1))
      for (let i = 0; i < columns; i++) {
        const moved = (by: number): Float64Array => from.map((value, k) => (k === i ? value + by : value))
        const slope = (loss(moved(step), gain, down) - loss(moved(-step), gain, down)) / (2 * step)
        expect(Math.abs(dv[row * columns + i]! - slope)).toBeLessThanOrEqual(16 * unitRoundoff * (Math.abs(slope) + 1))
      }
    }
  })

  it.each([
    [7, 1009],
    [70, 600],
    [3, 40_000]
  ])('[%i, %i]: the portable bits, in place, on any threads', (rows, columns) => {
    const random = testRandom(63)
    const [v, dw, g] = [random.array(rows * columns, 0.03), random.array(rows * columns), random.array(rows)]
    const norm = normsOf(v, rows, columns)
    const run = (on: typeof backend, threads: number, dv = new Float32Array(v.length), from = dw): Float32Array[] => {
      const dg = new Float32Array(rows)
      on.call('weightNormBackward', [dv, dg, from, v, g, norm], [rows, columns], [], threads)
      return [dv, dg]
    }
    const expected = run(portable, 1)
    const inPlace = dw.slice()
    for (const actual of [run(backend, 1), run(backend, 2), run(backend, 2, inPlace, inPlace)])
      for (const [i, array] of actual.entries()) expectSameBits(array, expected[i]!)
  })

  it('a row of zeros gives no gradient, whatever comes in; NaN and infinities stay in their row, as portable has them', () => {
    const v = Float32Array.of(0, 0, -0, 1, Number.NaN, 2, 1, Number.POSITIVE_INFINITY, 3, 3, 4, 0)
    const dw = Float32Array.of(Number.NaN, 1, Number.NEGATIVE_INFINITY, 1, 1, 1, 1, 1, 1, 5, 0, 7)
    const norm = Float32Array.of(0, Number.NaN, Number.POSITIVE_INFINITY, 5)
    const run = (on: typeof backend): Float32Array[] => {
      const [dv, dg] = [new Float32Array(12), new Float32Array(4)]
      on.call('weightNormBackward', [dv, dg, dw, v, Float32Array.of(2, 2, 2, 10), norm], [4, 3])
      return [dv, dg]
    }
    const [dv, dg] = run(backend) as [Float32Array, Float32Array]
    for (const [i, array] of run(portable).entries()) expectSameBits([dv, dg][i]!, array)
    expect([...dv.subarray(0, 3), dg[0]]).toEqual([0, 0, 0, 0])
    // dg = (3·5 + 4·0)/5 = 3; dv = 2·(dw − v·3/5)
    expect(dg[3]).toBe(3)
    const t = Math.fround(3 / 5)
    expectSameBits(dv.subarray(9), Float32Array.of(2 * Math.fround(5 - Math.fround(3 * t)), 2 * Math.fround(0 - Math.fround(4 * t)), 14))
  })

  it('beyond the last-level cache (of most machines): the portable bits at odd row starts', () => {
    const [rows, columns] = [1027, 4651]
    const v = new Float32Array(rows * columns)
    for (let i = 0; i < v.length; i++) v[i] = ((i * 7919) % 2003) - 1001
    const dw = v.map((value, i) => value + (i % 17))
    const g = testRandom(64).array(rows)
    const norm = new Float32Array(rows).fill(40_000)
    const [dv, expected, dg, expectedGain] = [
      new Float32Array(v.length),
      new Float32Array(v.length),
      new Float32Array(rows),
      new Float32Array(rows)
    ]
    backend.call('weightNormBackward', [dv, dg, dw, v, g, norm], [rows, columns])
    portable.call('weightNormBackward', [expected, expectedGain, dw, v, g, norm], [rows, columns])
    expect(Buffer.compare(Buffer.from(dv.buffer), Buffer.from(expected.buffer))).toBe(0)
    expectSameBits(dg, expectedGain)
  })
})
