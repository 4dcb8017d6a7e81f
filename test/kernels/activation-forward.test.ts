import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { activationCodes, activationReference } from '../reference/activation.js'

const { identity, relu, leakyRelu, sigmoid, tanh } = activationCodes
const portable = kernelBackends[0]!
const slope = 0.01
const special = Float32Array.of(
  0,
  -0,
  1,
  -1,
  1e-45,
  -1e-45,
  1e-38,
  -1e-38,
  0.55,
  -0.55,
  87,
  -87,
  88.8,
  -88.8,
  -95,
  -103.9,
  -104.1,
  200,
  -200,
  3e38,
  -3e38,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN
)

/** Of a result whose mantissa is 1, and of denormal ones. */
const threeUlps = (value: number): number => (Number.isFinite(value) ? 6 * unitRoundoff * Math.abs(value) + 2 ** -149 : 0)

/** Every exponent and sign, and mantissas all over: bit patterns a prime apart. NaNs among them. */
function allMagnitudes(): Float32Array {
  const bits = new Uint32Array(60_000)
  for (let i = 0; i < bits.length; i++) bits[i] = Math.imul(i, 71_597) >>> 0
  return new Float32Array(bits.buffer)
}

function forward(backend: (typeof kernelBackends)[number], code: number, x: Float32Array, threads = 2): Float32Array {
  const y = new Float32Array(x.length)
  expect(backend.call('activationForward', [y, x], [x.length], [code, slope], threads).status).toBe(0)
  return y
}

describe.each(kernelBackends)('activationForward on $name', (backend) => {
  it.each(Object.entries(activationCodes))('%s: guarded operands of every length', (_, code) => {
    const random = testRandom(21)
    for (const length of lengths) {
      const x = guarded(Float32Array, length, random.array(length, 3), 1)
      const y = guarded(Float32Array, length, undefined, 3)
      expect(backend.call('activationForward', [y.array, x.array], [length], [code, slope]).status).toBe(0)
      const expected = x.array.map((value) => activationReference(code, value, Math.fround(slope)))
      // Sigmoid and tanh within 3 ulp, the others rounded once.
      const { excess } = worstExcess(y.array, expected, (i) => threeUlps(expected[i]!))
      expect(excess, `length ${length}`).toBeLessThanOrEqual(0)
      x.intact()
      y.intact()
    }
  })

  it.each([identity, relu, leakyRelu])('code %i equals the portable bits, in every magnitude and special value', (code) => {
    for (const x of [special, allMagnitudes()]) {
      expectSameBits(forward(backend, code, x), forward(portable, code, x))
    }
  })

  it.each([sigmoid, tanh])('code %i is within 3 ulp in every magnitude and at special values', (code) => {
    for (const x of [special, allMagnitudes()]) {
      const actual = forward(backend, code, x)
      const expected = Float64Array.from(x, (value) => activationReference(code, value, slope))
      const { excess, index } = worstExcess(actual, expected, (i) => threeUlps(expected[i]!))
      expect(excess, `at ${x[index]}: ${actual[index]}, not ${expected[index]}`).toBeLessThanOrEqual(0)
    }
  })

  it('keeps NaN and signs of zero', () => {
    const x = Float32Array.of(Number.NaN, -0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    expect([...forward(backend, relu, x)]).toEqual([Number.NaN, 0, 0, 0, Number.POSITIVE_INFINITY])
    expect([...forward(backend, leakyRelu, x)]).toEqual([Number.NaN, -0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
    expect([...forward(backend, sigmoid, x)]).toEqual([Number.NaN, 0.5, 0.5, 0, 1])
    expect([...forward(backend, tanh, x)]).toEqual([Number.NaN, -0, 0, -1, 1])
  })

  it.each(Object.entries(activationCodes))('%s: the same bits for a value anywhere, in place, on any threads', (_, code) => {
    const x = testRandom(22).array(40_007, 4)
    const y = forward(backend, code, x, 1)
    expectSameBits(forward(backend, code, x, 2), y)
    expectSameBits(forward(backend, code, x.slice(3)), y.slice(3), 'shifted by three')
    expect(backend.call('activationForward', [x, x], [x.length], [code, slope]).status).toBe(0)
    expectSameBits(x, y)
  })
})
