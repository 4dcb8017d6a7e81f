import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const largestFloat = 3.4028234663852886e38
const [beta1, beta2] = [0.9, 0.999]

/** Scalars of a step with this rate, by optimizer; `states` is how many arrays of state there are. */
const optimizers = [
  { name: 'sgd', kernel: 'Sgd', states: 0, scalars: (rate: number) => [rate, 0, 0] },
  { name: 'momentum', kernel: 'Sgd', states: 1, scalars: (rate: number) => [rate, 0.9, 0] },
  { name: 'nesterov', kernel: 'Sgd', states: 1, scalars: (rate: number) => [rate, 0.9, 1] },
  { name: 'adam', kernel: 'Adam', states: 2, scalars: (rate: number) => adamScalars(rate, 0) },
  { name: 'adamW', kernel: 'Adam', states: 2, scalars: (rate: number) => adamScalars(rate, 1) }
] as const

function adamScalars(rate: number, decoupled: number): number[] {
  const t = 3
  return [rate, rate / (1 - beta1 ** t), 1 / Math.sqrt(1 - beta2 ** t), beta1, beta2, 1e-8, decoupled]
}

type Optimizer = (typeof optimizers)[number]

interface Case {
  readonly parameters: Float32Array
  readonly states: readonly Float32Array[]
  readonly gradients: Float32Array
  readonly segments: Float64Array
  readonly rate: number
}

/** Bounds as the trainer has them: of what the states hold, or of what they held once. */
const boundOf = (states: readonly Float32Array[], slack = 1) =>
  Float32Array.from(states, (state) => state.reduce((top, x) => Math.max(top, Math.abs(x)), 0) * slack)

const operandsOf = ({ kernel, states: count }: Optimizer, { parameters, states, gradients, segments }: Case, bound: Float32Array | null) =>
  kernel === 'Sgd' && count === 0 ? [parameters, null, null, gradients, segments] : [parameters, ...states, bound, gradients, segments]

/** What the update leaves, found by doing it: the first element of parameters or state that is not finite, or −1. */
function firstOverflow(optimizer: Optimizer, given: Case): number {
  const copy = { ...given, parameters: given.parameters.slice(), states: given.states.map((state) => state.slice()) }
  const kernel = optimizer.kernel === 'Sgd' ? 'sgdUpdate' : 'adamUpdate'
  const count = given.parameters.length
  kernelBackends[0]!.call(kernel, operandsOf(optimizer, copy, null), [count, given.segments.length / 6], optimizer.scalars(given.rate))
  return copy.parameters.findIndex((p, i) => ![p, ...copy.states.map((state) => state[i]!)].every(Number.isFinite))
}

describe.each(kernelBackends)('checkSgdUpdate and checkAdamUpdate on $name', (backend) => {
  const check = (optimizer: Optimizer, given: Case, bound: Float32Array | null, threads?: number) =>
    backend.call(
      optimizer.kernel === 'Sgd' ? 'checkSgdUpdate' : 'checkAdamUpdate',
      operandsOf(optimizer, given, bound),
      [given.parameters.length, given.segments.length / 6],
      optimizer.scalars(given.rate),
      threads
    )

  it.each(optimizers)('$name: answers what the update does, for numbers of every size', (optimizer) => {
    // Exponents up to the last: overflow of every intermediate result is among them.
    const size = fc.double({ min: -30, max: 38.5, noNaN: true }).map((exponent) => Math.min(10 ** exponent, largestFloat))
    const signed = fc.tuple(size, fc.boolean()).map(([value, negative]) => (negative ? -value : value))
    const array = (length: number) => fc.array(fc.oneof(signed, fc.constant(0)), { minLength: length, maxLength: length })
    const cases = fc.integer({ min: 1, max: 19 }).chain((length) =>
      fc.record({
        parameters: array(length),
        states: fc.tuple(array(length), array(length)),
        gradients: array(length),
        decay: fc.constantFrom(0, 0, 1e-4, 0.01, 0.5, 3),
        factor: fc.constantFrom(0, 0.1, 1, 10),
        rate: fc.oneof(fc.constantFrom(0, 1e-3, 0.1, 1), size)
      })
    )
    fc.assert(
      fc.property(cases, ({ parameters, states, gradients, decay, factor, rate }) => {
        const given: Case = {
          parameters: Float32Array.from(parameters),
          states: states.slice(0, optimizer.states).map((state, i) => Float32Array.from(state, (x) => (i === 1 ? Math.abs(x) : x))),
          gradients: Float32Array.from(gradients),
          segments: Float64Array.of(0, parameters.length, factor, decay, 0, 0),
          rate
        }
        const first = firstOverflow(optimizer, given)
        const expected = first < 0 ? { status: Status.ok } : { status: Status.overflow, detail: first }
        for (const bound of [null, boundOf(given.states), boundOf(given.states, 1.5)])
          expect(check(optimizer, given, bound)).toMatchObject(expected)
      }),
      { seed: 20, numRuns: 2000 }
    )
  })

  it.each(optimizers)('$name: finds a gradient that is not finite in any place, and reads none outside of the segments', (optimizer) => {
    for (const length of lengths.filter((length) => length > 0)) {
      const random = testRandom(151)
      const g = guarded(Float32Array, length + 2, random.array(length + 2), 1)
      const given: Case = {
        parameters: random.array(length + 2),
        states: Array.from({ length: optimizer.states }, () => new Float32Array(length + 2)),
        gradients: g.array,
        segments: Float64Array.of(1, length, 1, 0.01, 0, 0),
        rate: 0.1
      }
      g.array[0] = Number.NaN
      g.array[length + 1] = Number.POSITIVE_INFINITY
      const bound = boundOf(given.states)
      expect(check(optimizer, given, bound).status).toBe(Status.ok)
      for (let i = 1; i <= length; i += length > 200 ? 97 : 1) {
        const before = g.array[i]!
        g.array[i] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][i % 3]!
        expect(check(optimizer, given, bound)).toEqual({ status: Status.nonFinite, detail: i })
        g.array[i] = before
      }
      g.intact()
    }
  })

  it.each(optimizers)(
    '$name: finds the first overflow of many, in any segment and chunk, on any threads, and writes nothing',
    (optimizer) => {
      const random = testRandom(152)
      const count = 70_003
      const made = (): Case => ({
        parameters: random.array(count),
        states: Array.from({ length: optimizer.states }, () => random.array(count).map(Math.abs)),
        gradients: random.array(count),
        segments: Float64Array.from(
          [
            [40_000, 30_000, 1, 0, 0, 0],
            [16, 39_984, 1, 0.01, 0, 0]
          ].flat()
        ),
        rate: 1e4
      })
      for (const first of [16, 16_383, 16_384, 39_999, 40_000, 69_999]) {
        const given = made()
        // Beyond the reach of the parameter's own size: rate · gradient overflows; for Adam the second moment does.
        for (let i = first; i < 70_000; i += 7919) given.gradients[i] = 3e38
        const before = [given.parameters, ...given.states, given.gradients].map((array) => array.slice())
        for (const threads of [1, 2])
          for (const bound of [null, boundOf(given.states)])
            expect(check(optimizer, given, bound, threads)).toEqual({ status: Status.overflow, detail: first })
        for (const [i, array] of [given.parameters, ...given.states, given.gradients].entries()) expectSameBits(array, before[i]!)
      }
    }
  )

  it('takes the largest parameter there is, and any bound that is not a number', () => {
    const parameters = new Float32Array(50).fill(largestFloat)
    const gradients = new Float32Array(50).fill(-1e29)
    const given: Case = { parameters, states: [new Float32Array(50)], gradients, segments: Float64Array.of(0, 50, 1, 0.1, 0, 0), rate: 1 }
    for (const bound of [0, Number.POSITIVE_INFINITY, Number.NaN])
      expect(check(optimizers[1], given, Float32Array.of(bound)).status).toBe(Status.ok)
  })
})
