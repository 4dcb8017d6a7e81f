import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const portable = kernelBackends[0]!

describe.each(kernelBackends)('dropoutBackward on $name', (backend) => {
  it.each([0, 1, 13_107, 65_535])('threshold %i: scales by the mask it is given, in guarded operands', (threshold) => {
    const random = testRandom(43)
    for (const length of [...lengths, 40_003]) {
      const bytes = Uint8Array.from({ length: Math.ceil(length / 8) }, () => random.integer(256))
      const dy = guarded(Float32Array, length, random.array(length), 1)
      const mask = guarded(Uint8Array, bytes.length, bytes, 3)
      const dx = guarded(Float32Array, length, undefined, 2)
      expect(backend.call('dropoutBackward', [dx.array, dy.array, mask.array], [length], [threshold]).status).toBe(0)
      const scale = Math.fround(65536 / (65536 - threshold))
      expectSameBits(
        dx.array,
        dy.array.map((value, i) => (Math.floor(bytes[Math.floor(i / 8)]! / 2 ** (i % 8)) % 2 === 1 ? value * scale : 0)),
        `length ${length}`
      )
      for (const operand of [dx, dy, mask]) operand.intact()
    }
  })

  it('is the gradient of dropoutForward: Σ dy·y = Σ dx·x, as both are the same diagonal', () => {
    const count = 10_007
    const random = testRandom(44)
    const [x, dy] = [random.array(count), random.array(count)]
    const [y, dx, mask] = [new Float32Array(count), new Float32Array(count), new Uint8Array(Math.ceil(count / 8))]
    backend.call('dropoutForward', [y, mask, x], [count], [30_000, 5, 6, 0, 0, 0, 0])
    backend.call('dropoutBackward', [dx, dy, mask], [count], [30_000])
    const step = 2 ** -4
    const [up, down, again] = [new Float32Array(count), new Float32Array(count), new Uint8Array(mask.length)]
    backend.call('dropoutForward', [up, again, x.map((value) => value + step)], [count], [30_000, 5, 6, 0, 0, 0, 0])
    backend.call('dropoutForward', [down, again, x.map((value) => value - step)], [count], [30_000, 5, 6, 0, 0, 0, 0])
    // Linear, so the central difference errs by rounding alone: of x ± step, of the two products, over the step.
    for (let i = 0; i < count; i++) {
      const slope = (up[i]! - down[i]!) / (2 * step)
      expect(Math.abs(dx[i]! - dy[i]! * slope)).toBeLessThanOrEqual(Math.abs(dy[i]!) * 2 ** -24 * (16 * 4 * (Math.abs(x[i]!) + 1)))
    }
  })

  it('the portable bits for any value, in place, on any threads; threshold 65536 gives +0', () => {
    const special = [0, -0, 1e-45, -1e-45, 3.4e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
    const random = testRandom(45)
    const dy = Float32Array.from([...special, ...special, ...special, ...random.array(60_013)])
    const mask = Uint8Array.from({ length: Math.ceil(dy.length / 8) }, () => random.integer(256))
    const run = (on: typeof backend, threads: number, from = dy): Float32Array => {
      const dx = from === dy ? new Float32Array(dy.length) : from
      expect(on.call('dropoutBackward', [dx, from, mask], [dy.length], [20_000], threads).status).toBe(0)
      return dx
    }
    const expected = run(portable, 1)
    for (const dx of [run(backend, 1), run(backend, 2), run(backend, 2, dy.slice())]) expectSameBits(dx, expected)
    const none = new Uint8Array(mask.length)
    const dx = new Float32Array(dy.length)
    backend.call('dropoutBackward', [dx, dy, none], [dy.length], [65_536])
    expectSameBits(dx, new Float32Array(dy.length))
  })
})
