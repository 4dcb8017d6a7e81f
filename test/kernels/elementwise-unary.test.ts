import { describe, expect, it } from 'vitest'
import { Unary, type UnaryName } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { unaryReference } from '../reference/elementwise.js'

const names = Object.keys(Unary) as UnaryName[]
/** Of those that are not rounded once and equal everywhere: units in the last place. */
const ulps: Partial<Record<UnaryName, number>> = {
  exp: 2,
  expm1: 3,
  log: 2,
  log1p: 3,
  erf: 3,
  softplus: 4,
  elu: 4,
  eluDerivative: 3
}
/**
 * Roundings of an exponent are relative errors of the result: x²/2 of it is one for gelu, the argument v of the sigmoid
 * two for gelu by tanh. The reference's derivatives are good to 1e-9, and denormal steps are off by 2⁻¹⁵⁰, times x.
 */
const bounds: Partial<Record<UnaryName, (x: number, value: number) => number>> = {
  gelu: (x, value) => (x ** 2 / 2 + 16) * unitRoundoff * Math.abs(value) + 16 * 2 ** -149,
  geluTanh: (x, value) => (4 * Math.abs(1.6 * x + 0.0714 * x ** 3) + 10) * unitRoundoff * Math.abs(value) + 16 * 2 ** -149,
  silu: (_x, value) => 8 * unitRoundoff * Math.abs(value) + 110 * 2 ** -149,
  geluDerivative: (_x, value) => 16 * unitRoundoff * Math.abs(value) + 4 * unitRoundoff + 1e-9,
  geluTanhDerivative: (_x, value) => 16 * unitRoundoff * Math.abs(value) + 8 * unitRoundoff + 1e-9,
  siluDerivative: (_x, value) => 8 * unitRoundoff * Math.abs(value) + 2 * unitRoundoff + 1e-9
}
const parameter = 1.7

// biome-ignore format: one list
const special = Float32Array.of(
  0, -0, 1, -1, 1e-45, -1e-45, 1e-38, -1e-38, 1e-20, -1e-20, 0.29, -0.25, 0.3466, -0.3466, 0.35, -0.35, 0.5, -0.5, 0.70703125, 0.70709, 0.93, -0.93,
  0.9299999, 1.4140625, 1.41425, 3.9, 3.92, 4, -4, 4.1, 17, -17.3, -17.4, -29.9, -30.1, 88, -87, 88.7, 88.73, -88.8, 89.1, -95, -103.9, -104.1, 200,
  -200, 16777216, 33554432, -0.99999994, -1.0000001, 3e38, -3e38, Infinity, -Infinity, Number.NaN
)

/** Every exponent and sign, and mantissas all over: bit patterns a prime apart. NaNs among them. */
function allMagnitudes(): Float32Array {
  const bits = new Uint32Array(60_000)
  for (let i = 0; i < bits.length; i++) bits[i] = Math.imul(i, 71_597) >>> 0
  return new Float32Array(bits.buffer)
}

/** Where these functions bend: −4 … 4, and their polynomials' ends. */
const usual = Float32Array.from({ length: 40_001 }, (_, i) => (i - 20_000) / 4999.7)

/** An ulp of a float32 result, the smallest among denormals. */
function ulp(value: number): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 3.4028235677973366e38) return 0
  return Math.max(2 * unitRoundoff * 2 ** Math.floor(Math.log2(Math.abs(value))), 2 ** -149) || 2 ** -149
}

/** 0 for an infinite result. */
const limit = (bound: number): number => (Number.isFinite(bound) ? bound : 0)

function map(backend: (typeof kernelBackends)[number], name: UnaryName, x: Float32Array, threads = 2): Float32Array {
  const out = new Float32Array(x.length)
  expect(backend.call('elementwiseUnary', [out, x], [x.length], [Unary[name], parameter], threads).status).toBe(0)
  return out
}

describe.each(kernelBackends)('elementwiseUnary on $name', (backend) => {
  it.each(names)('%s: within its bound, in every magnitude and at special values', (name) => {
    for (const x of [special, usual, allMagnitudes()]) {
      const actual = map(backend, name, x)
      const expected = Float64Array.from(x, (value) => unaryReference[name]!(value, Math.fround(parameter)))
      const [inUlps, bound] = [ulps[name], bounds[name]]
      if (inUlps === undefined && !bound) expectSameBits(actual, Float32Array.from(expected), name)
      else {
        const rounded = expected.map((value) => (Number.isFinite(Math.fround(value)) ? value : Math.fround(value)))
        const { excess, index } = worstExcess(actual, rounded, (i) =>
          bound ? limit(bound(x[i]!, rounded[i]!)) : inUlps! * ulp(rounded[i]!)
        )
        expect(excess, `at ${x[index]}: ${actual[index]}, not ${expected[index]}`).toBeLessThanOrEqual(0)
      }
    }
  })

  it.each(names)('%s: guarded operands of every length, the same bits anywhere, in place, on any threads', (name) => {
    const x = testRandom(73).array(40_007, 2)
    const y = map(backend, name, x, 1)
    expectSameBits(map(backend, name, x, 2), y)
    for (const length of lengths) {
      const from = guarded(Float32Array, length, x.subarray(3, 3 + length), 1)
      const out = guarded(Float32Array, length, undefined, 3)
      expect(backend.call('elementwiseUnary', [out.array, from.array], [length], [Unary[name], parameter]).status).toBe(0)
      expectSameBits(out.array, y.slice(3, 3 + length), `length ${length}`)
      from.intact()
      out.intact()
    }
    expect(backend.call('elementwiseUnary', [x, x], [x.length], [Unary[name], parameter]).status).toBe(0)
    expectSameBits(x, y, 'in place')
  })

  it('keeps signs of zero, infinities and NaN', () => {
    const x = Float32Array.of(Number.NaN, -0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    const results: Record<UnaryName, number[]> = {
      negate: [Number.NaN, 0, -0, Infinity, -Infinity],
      abs: [Number.NaN, 0, 0, Infinity, Infinity],
      sign: [Number.NaN, -0, 0, -1, 1],
      square: [Number.NaN, 0, 0, Infinity, Infinity],
      sqrt: [Number.NaN, -0, 0, Number.NaN, Infinity],
      exp: [Number.NaN, 1, 1, 0, Infinity],
      expm1: [Number.NaN, -0, 0, -1, Infinity],
      log: [Number.NaN, -Infinity, -Infinity, Number.NaN, Infinity],
      log1p: [Number.NaN, -0, 0, Number.NaN, Infinity],
      erf: [Number.NaN, -0, 0, -1, 1],
      softplus: [Number.NaN, Math.fround(Math.LN2), Math.fround(Math.LN2), 0, Infinity],
      gelu: [Number.NaN, -0, 0, 0, Infinity],
      geluDerivative: [Number.NaN, 0.5, 0.5, 0, 1],
      geluTanh: [Number.NaN, -0, 0, 0, Infinity],
      geluTanhDerivative: [Number.NaN, 0.5, 0.5, 0, 1],
      silu: [Number.NaN, -0, 0, 0, Infinity],
      siluDerivative: [Number.NaN, 0.5, 0.5, 0, 1],
      elu: [Number.NaN, -0, 0, -Math.fround(parameter), Infinity],
      eluDerivative: [Number.NaN, Math.fround(parameter), Math.fround(parameter), 0, 1]
    }
    for (const name of names) expect([...map(backend, name, x)], name).toEqual(results[name])
    expect([...map(backend, 'log1p', Float32Array.of(-1, -1.5))]).toEqual([-Infinity, Number.NaN])
  })
})
