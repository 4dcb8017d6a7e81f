import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { adamReference } from '../reference/optimizers.js'

const portable = kernelBackends[0]!
const [learningRate, beta1, beta2, epsilon] = [1e-2, 0.9, 0.999, 1e-8]
const scalarsAt = (t: number, decoupled: boolean): number[] => [
  learningRate,
  learningRate / (1 - beta1 ** t),
  1 / Math.sqrt(1 - beta2 ** t),
  beta1,
  beta2,
  epsilon,
  decoupled ? 1 : 0
]

describe.each(kernelBackends)('adamUpdate on $name', (backend) => {
  it.each([false, true])('steps as the paper says, decoupled %s, one segment of any length', (decoupled) => {
    const random = testRandom(141)
    const [t, weightDecay, rateFactor] = [7, 0.05, 0.5]
    const options = { learningRate: learningRate * rateFactor, beta1, beta2, epsilon, weightDecay, decoupled }
    for (const length of lengths) {
      const before = [
        random.array(length),
        random.array(length, 0.3),
        random.array(length).map((x) => x * x + 0.1),
        random.array(length)
      ] as const
      const operands = before.map((values, i) => guarded(Float32Array, length, values, 1 + (i % 3)))
      const [p, m, v, g] = operands.map(({ array }) => array) as [Float32Array, Float32Array, Float32Array, Float32Array]
      const segments = Float64Array.of(0, length, rateFactor, weightDecay, 0, 0)
      const largest = Float32Array.of(0.25, 1e3)
      expect(backend.call('adamUpdate', [p, m, v, largest, g, segments], [length, 1], scalarsAt(t, decoupled)).status).toBe(0)
      for (let i = 0; i < length; i++) {
        const [p0, m0, v0, g0] = before.map((values) => values[i]!) as [number, number, number, number]
        const expected = adamReference(p0, m0, v0, g0, t, options)
        // A gradient of |g| + λ|p| rounded three times, then at most four roundings of each term of a moment.
        const gradient = Math.abs(g0) + weightDecay * Math.abs(p0)
        const mBound = 8 * unitRoundoff * (beta1 * Math.abs(m0) + (1 - beta1) * gradient)
        const vBound = 12 * unitRoundoff * (beta2 * v0 + (1 - beta2) * gradient ** 2)
        expect(Math.abs(m[i]! - expected.m)).toBeLessThanOrEqual(mBound)
        expect(Math.abs(v[i]! - expected.v)).toBeLessThanOrEqual(vBound)
        // 1 − β in float32 is off by u/2 only; the denominator has half v's error and five roundings more.
        const scale = (learningRate * rateFactor) / (1 - beta1 ** t) / Math.sqrt(expected.v / (1 - beta2 ** t))
        const relative = vBound / expected.v / 2 + 8 * unitRoundoff
        const bound =
          scale * (mBound + relative * (Math.abs(expected.m) + mBound)) +
          3 * unitRoundoff * Math.abs(p0) +
          unitRoundoff * Math.abs(expected.p)
        expect(Math.abs(p[i]! - expected.p), `element ${i} of ${length}`).toBeLessThanOrEqual(bound)
      }
      expect([...largest]).toEqual([m.reduce((top, value) => Math.max(top, Math.abs(value)), 0.25), 1e3])
      for (const operand of operands) operand.intact()
    }
  })

  it('takes a first step of the learning rate, whatever the size of the gradient', () => {
    const p = new Float32Array(5)
    const g = Float32Array.of(1, -1, 1e-3, 1e3, 0)
    backend.call(
      'adamUpdate',
      [p, new Float32Array(5), new Float32Array(5), null, g, Float64Array.of(0, 5, 1, 0, 0, 0)],
      [5, 1],
      scalarsAt(1, false)
    )
    expect([...p].map((value) => Number(value.toFixed(6)))).toEqual([-0.01, 0.01, -0.01, -0.01, 0])
  })

  it.each([false, true])('gives the portable bits over many segments, decoupled %s, on any threads; gaps stay', (decoupled) => {
    const random = testRandom(142)
    const count = 50_003
    const special = [0, -0, 1e-45, 1e-40, 3e38, Number.POSITIVE_INFINITY, Number.NaN]
    const [p, m, g] = [random.array(count), random.array(count), random.array(count)]
    const v = random.array(count).map((x) => x * x)
    for (const [at, array] of [p, m, v, g].entries()) array.set(special, 100 + at * 3)
    const segments = Float64Array.from(
      [
        [0, 90, 1, 0, 0, 0],
        [96, 30_000, 0.3, 0.1, 0, 0],
        [30_100, 19_000, 2, 0, 0, 0],
        [-5, 10, 1, 0, 0, 0]
      ].flat()
    )
    const run = (on: typeof backend, threads: number): Float32Array[] => {
      const states = [p.slice(), m.slice(), v.slice(), Float32Array.of(0, 0)]
      on.call('adamUpdate', [...states, g, segments], [count, 4], scalarsAt(3, decoupled), threads)
      return states
    }
    const expected = run(portable, 1)
    for (const threads of [1, 2])
      run(backend, threads).forEach((actual, i) => {
        expectSameBits(actual, expected[i]!, `state ${i}`)
      })
    for (const [from, to] of [
      [90, 96],
      [30_096, 30_100],
      [49_100, count]
    ] as const)
      expected.slice(0, 3).forEach((state, i) => {
        expectSameBits(state.slice(from, to), [p, m, v][i]!.slice(from, to))
      })
  })
})
