import { describe, expect, it } from 'vitest'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const notFinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

describe.each(kernelBackends)('checkFinite on $name', (backend) => {
  it.each(lengths)('finds one among %i elements, wherever it stands', (length) => {
    const x = guarded(Float32Array, length, testRandom(71).array(length), 1)
    expect(backend.call('checkFinite', [x.array], [length]).status).toBe(Status.ok)
    for (let i = 0; i < length; i += length > 200 ? 97 : 1) {
      for (const value of notFinite) {
        const before = x.array[i]!
        x.array[i] = value
        expect(backend.call('checkFinite', [x.array], [length])).toEqual({ status: Status.nonFinite, detail: i })
        x.array[i] = before
      }
    }
    x.intact()
  })

  it('finds the first of many, on any threads, in any chunk', () => {
    const x = testRandom(72).array(100_003)
    for (const first of [0, 5, 16_383, 16_384, 70_001, 100_002]) {
      const bad = x.slice()
      for (let i = first; i < bad.length; i += 7919) bad[i] = notFinite[i % 3]!
      for (const threads of [1, 2])
        expect(backend.call('checkFinite', [bad], [bad.length], [], threads)).toEqual({ status: Status.nonFinite, detail: first })
    }
  })

  it('passes the largest, the smallest and zeros, whose sums would overflow', () => {
    const x = new Float32Array(1000).fill(3.4028234663852886e38)
    x.set([0, -0, 1e-45, -1e-45, -3.4028234663852886e38], 501)
    expect(backend.call('checkFinite', [x], [x.length]).status).toBe(Status.ok)
  })
})
