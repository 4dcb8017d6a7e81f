import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { activationCodes, activationReference, activationSlopeReference } from '../reference/activation.js'

const portable = kernelBackends[0]!
const slope = 0.2

describe.each(kernelBackends)('activationBackward on $name', (backend) => {
  it.each(Object.entries(activationCodes))('%s: against central differences, in guarded operands', (_, code) => {
    const random = testRandom(31)
    for (const length of lengths) {
      // A step away from the kink of relu, where there is no derivative.
      const x = random.array(length, 2).map((value) => (Math.abs(value) < 1e-3 ? 1 : value))
      const y = guarded(
        Float32Array,
        length,
        x.map((value) => activationReference(code, value, slope)),
        1
      )
      const dy = guarded(Float32Array, length, random.array(length), 2)
      const dx = guarded(Float32Array, length, undefined, 3)
      expect(backend.call('activationBackward', [dx.array, dy.array, y.array], [length], [code, slope]).status).toBe(0)
      const expected = Float64Array.from(x, (value, i) => dy.array[i]! * activationSlopeReference(code, value, slope))
      // y is rounded (half an ulp of at most 1, its derivative's change at most twice that), then three roundings;
      // the central difference errs by step²·|f'''|/6 + 2⁻⁵²/step < 1e-9 at |x| < 10.
      const { excess, index } = worstExcess(dx.array, expected, (i) => Math.abs(dy.array[i]!) * (6 * unitRoundoff + 1e-9))
      expect(excess, `length ${length}, at x = ${x[index]}`).toBeLessThanOrEqual(0)
      for (const operand of [dx, dy, y]) operand.intact()
    }
  })

  it.each(Object.entries(activationCodes))('%s: the portable bits, in place, on any threads, for any value', (_, code) => {
    const random = testRandom(32)
    const special = [0, -0, 1, -1, 1e-45, -1e-45, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
    const pairs = special.flatMap((a) => special.map((b) => [a, b] as const))
    const dy = Float32Array.from([...pairs.map(([a]) => a), ...random.array(40_000)])
    const y = Float32Array.from([...pairs.map(([, b]) => b), ...random.array(40_000)])
    const run = (on: typeof backend, threads: number): Float32Array => {
      const dx = new Float32Array(dy.length)
      expect(on.call('activationBackward', [dx, dy, y], [dy.length], [code, slope], threads).status).toBe(0)
      return dx
    }
    const expected = run(portable, 1)
    expectSameBits(run(backend, 1), expected)
    expectSameBits(run(backend, 2), expected)
    const inPlace = dy.slice()
    expect(backend.call('activationBackward', [inPlace, inPlace, y], [dy.length], [code, slope]).status).toBe(0)
    expectSameBits(inPlace, expected)
  })

  it('relu passes nothing at 0, whatever comes in', () => {
    const dx = new Float32Array(4)
    const dy = Float32Array.of(Number.POSITIVE_INFINITY, -3, Number.NaN, 5)
    backend.call('activationBackward', [dx, dy, Float32Array.of(0, 0, 0, 2)], [4], [activationCodes.relu, 0])
    expect([...dx]).toEqual([0, 0, 0, 5])
  })
})
