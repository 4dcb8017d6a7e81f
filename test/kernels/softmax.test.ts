import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { logSoftmaxReference, softmaxGradient } from '../reference/softmax.js'

const rowsOf = (x: Float32Array, columns: number): number[][] =>
  Array.from({ length: x.length / columns }, (_, row) => [...x.subarray(row * columns, (row + 1) * columns)])

describe.each(kernelBackends)('softmax on $name', (backend) => {
  it.each([...lengths.slice(1), 5000])('rows of %i: within the bound, both ways, on any threads', (columns) => {
    const rows = columns > 1000 ? 5 : 9
    const random = testRandom(81)
    const x = guarded(Float32Array, rows * columns, random.array(rows * columns, 4), 1)
    const dy = guarded(Float32Array, rows * columns, random.array(rows * columns), 2)
    for (const log of [0, 1]) {
      const inputs = rowsOf(x.array, columns)
      const logs = inputs.map(logSoftmaxReference)
      const expected = logs.flat().map((value) => (log ? value : Math.exp(value)))
      const spread = inputs.flatMap((row) => {
        const max = Math.max(...row)
        return row.map((value) => max - value)
      })
      // x − max rounds once, exp within 2 ulp, the sum and the quotient once; the logarithm's rounding is absolute.
      const bound = (i: number): number =>
        log
          ? unitRoundoff * (spread[i]! + 3 * Math.abs(expected[i]!) + 8)
          : unitRoundoff * expected[i]! * (spread[i]! + 4 + 4 + 2) + 2 ** -148
      const one = new Float32Array(rows * columns)
      for (const threads of [1, 2]) {
        const y = guarded(Float32Array, rows * columns, undefined, 3)
        expect(backend.call('softmaxForward', [y.array, x.array], [rows, columns], [log], threads).status).toBe(0)
        const { excess, index } = worstExcess(y.array, expected, bound)
        expect(excess, `element ${index}`).toBeLessThanOrEqual(0)
        if (threads === 1) one.set(y.array)
        else expectSameBits(y.array, one)
        const dx = guarded(Float32Array, rows * columns, undefined, 5)
        expect(backend.call('softmaxBackward', [dx.array, dy.array, y.array], [rows, columns], [log], threads).status).toBe(0)
        expectGradient(dx.array, rowsOf(dy.array, columns), inputs, logs, log === 1)
        // In place: the same bits.
        const place = y.array.slice()
        backend.call('softmaxForward', [place, place.set(x.array) ?? place], [rows, columns], [log], threads)
        expectSameBits(place, y.array)
        const gradient = dy.array.slice()
        backend.call('softmaxBackward', [gradient, gradient, y.array], [rows, columns], [log], threads)
        expectSameBits(gradient, dx.array)
        for (const operand of [y, dx]) operand.intact()
      }
    }
    for (const operand of [x, dy]) operand.intact()
  })

  it('takes huge logits, infinities and NaN', () => {
    const y = new Float32Array(3)
    const cases: [number[], number[]][] = [
      [
        [1e30, -1e30, 1e30],
        [0.5, 0, 0.5]
      ],
      [
        [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY],
        [0, 1, 0]
      ],
      [
        [Number.NaN, 0, 1],
        [Number.NaN, Number.NaN, Number.NaN]
      ],
      [
        [Number.POSITIVE_INFINITY, 0, 1],
        [Number.NaN, Number.NaN, Number.NaN]
      ]
    ]
    for (const [x, expected] of cases) {
      backend.call('softmaxForward', [y, Float32Array.from(x)], [1, 3], [0])
      if (expected.some(Number.isNaN)) expect([...y].some(Number.isNaN)).toBe(true)
      else expect([...y]).toEqual(expected)
    }
    // A confident prediction keeps its tail: log p = −log(1 + 2e⁻²⁰).
    backend.call('softmaxForward', [y, Float32Array.of(20, 0, 0)], [1, 3], [1])
    expect(Math.abs(y[0]! / -Math.log1p(2 * Math.exp(-20)) - 1)).toBeLessThan(1e-6)
    expect(backend.call('softmaxForward', [new Float32Array(0), new Float32Array(0)], [5, 0], [0]).status).toBe(0)
  })
})

function expectGradient(dx: Float32Array, dy: number[][], inputs: number[][], logs: number[][], log: boolean): void {
  const expected = inputs.flatMap((row, r) => softmaxGradient(row, dy[r]!, log))
  const columns = inputs[0]!.length
  const largest = inputs.map((row) => Math.max(...row))
  const sums = dy.map((row, r) => row.reduce((total, value, k) => total + Math.abs(value) * (log ? 1 : Math.exp(logs[r]![k]!)), 0))
  const bound = (i: number): number => {
    const [r, c] = [Math.floor(i / columns), i % columns]
    const p = Math.exp(logs[r]![c]!)
    const spread = largest[r]! - inputs[r]![c]! + 16
    const sum = sums[r]!
    // y is off by `spread` ulp; each of the sum's terms too, and what is subtracted and multiplied rounds once.
    return unitRoundoff * ((log ? Math.abs(dy[r]![c]!) : 0) + p * (Math.abs(dy[r]![c]!) + sum * 40) * spread) + 2 ** -146
  }
  const { excess, index } = worstExcess(dx, expected, bound)
  expect(excess, `gradient ${index}`).toBeLessThanOrEqual(0)
}
