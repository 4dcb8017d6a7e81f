import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { sgdReference } from '../reference/optimizers.js'

const portable = kernelBackends[0]!
const variants = [
  { name: 'plain', velocity: false, momentum: 0, nesterov: false },
  { name: 'momentum', velocity: true, momentum: 0.9, nesterov: false },
  { name: 'nesterov', velocity: true, momentum: 0.9, nesterov: true }
]

describe.each(kernelBackends)('sgdUpdate on $name', (backend) => {
  it.each(variants)('$name: steps as the formula says, one segment of any length', ({ velocity, momentum, nesterov }) => {
    const random = testRandom(131)
    const [learningRate, weightDecay, rateFactor] = [0.1, 0.01, 0.5]
    for (const length of lengths) {
      const before = [random.array(length), random.array(length), random.array(length)] as const
      const p = guarded(Float32Array, length, before[0], 1)
      const u = guarded(Float32Array, length, before[1], 2)
      const g = guarded(Float32Array, length, before[2], 3)
      const segments = Float64Array.of(0, length, rateFactor, weightDecay, 0, 0)
      const largest = Float32Array.of(0.25)
      const operands = [p.array, velocity ? u.array : null, velocity ? largest : null, g.array, segments]
      expect(backend.call('sgdUpdate', operands, [length, 1], [learningRate, momentum, nesterov ? 1 : 0]).status).toBe(0)
      for (let i = 0; i < length; i++) {
        const [p0, u0, g0] = [before[0][i]!, velocity ? before[1][i]! : 0, before[2][i]!]
        const expected = sgdReference(p0, u0, g0, { learningRate: learningRate * rateFactor, momentum, nesterov, weightDecay })
        // Rounded constants and at most five roundings on the way of any term into the direction, one of p.
        const terms = Math.abs(g0) + weightDecay * Math.abs(p0) + momentum * Math.abs(u0)
        const pBound = 8 * unitRoundoff * learningRate * rateFactor * (1 + momentum) * terms + unitRoundoff * Math.abs(expected.p)
        expect(Math.abs(p.array[i]! - expected.p)).toBeLessThanOrEqual(pBound)
        if (velocity) expect(Math.abs(u.array[i]! - expected.u)).toBeLessThanOrEqual(5 * unitRoundoff * terms)
        else expect(u.array[i]).toBe(before[1][i])
      }
      if (velocity) expect(largest[0]).toBe(u.array.reduce((top, value) => Math.max(top, Math.abs(value)), 0.25))
      for (const operand of [p, u, g]) operand.intact()
    }
  })

  it.each(variants)(
    '$name: the portable bits over many segments, on any threads; gaps stay as they are',
    ({ velocity, momentum, nesterov }) => {
      const random = testRandom(132)
      const count = 50_003
      const special = [0, -0, 1e-45, 1e-40, 3e38, Number.POSITIVE_INFINITY, Number.NaN]
      const [p, u, g] = [random.array(count), random.array(count), random.array(count)]
      for (const [at, array] of [p, u, g].entries()) array.set(special, 100 + at * 3)
      const segments = Float64Array.from(
        [
          [0, 90, 1, 0, 0, 0],
          [96, 20_000, 1, 1e-4, 0, 0],
          [20_096, 1, 0.1, 0.5, 0, 0],
          [20_112, 3, 0, 0, 0, 0],
          [20_128, 29_000, 2, 0, 0, 0],
          [50_003, 0, 1, 0, 0, 0]
        ].flat()
      )
      const run = (on: typeof backend, threads: number) => {
        const [pp, uu, largest] = [p.slice(), u.slice(), Float32Array.of(1)]
        on.call('sgdUpdate', [pp, velocity ? uu : null, largest, g, segments], [count, 6], [0.05, momentum, nesterov ? 1 : 0], threads)
        return [pp, uu, largest] as const
      }
      const expected = run(portable, 1)
      for (const threads of [1, 2]) {
        const actual = run(backend, threads)
        expectSameBits(actual[0], expected[0], 'parameters')
        expectSameBits(actual[1], expected[1], 'velocity')
        expectSameBits(actual[2], expected[2], 'largest')
      }
      for (const [from, to] of [
        [90, 96],
        [20_097, 20_112],
        [20_115, 20_128],
        [49_128, 50_003]
      ] as const) {
        expectSameBits(expected[0].slice(from, to), p.slice(from, to))
        expectSameBits(expected[1].slice(from, to), u.slice(from, to))
      }
    }
  )

  it('leaves alone what a bad segment names', () => {
    const p = guarded(Float32Array, 100, new Float32Array(100).fill(3), 1)
    const g = new Float32Array(100).fill(1)
    const bad = [
      [-1, 5],
      [0, 101],
      [99, 2],
      [101, 0],
      [Number.NaN, 5],
      [5, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
      [-1e300, 2e300],
      [1e300, 1]
    ]
    const segments = Float64Array.from(bad.flatMap(([start, length]) => [start!, length!, 1, 0, 0, 0]))
    expect(backend.call('sgdUpdate', [p.array, null, null, g, segments], [100, bad.length], [1, 0, 0]).status).toBe(0)
    expect(p.array).toEqual(new Float32Array(100).fill(3))
    p.intact()
  })
})
