import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const cases: readonly (readonly [outer: number, before: number, length: number, after: number])[] = [
  ...lengths.map((length): [number, number, number, number] => [3, 2, length, 1]),
  [5, 0, 7, 0],
  [5, 0, 0, 3],
  [0, 1, 2, 3],
  [1, 3, 40_003, 5],
  [20_011, 1, 1, 1]
]

describe.each(kernelBackends)('slice and place on $name', (backend) => {
  it.each(cases)('%i rows: %i, %i, %i', (outer, before, length, after) => {
    const stride = before + length + after
    const whole = guarded(Float32Array, outer * stride, testRandom(72).array(outer * stride), 1)
    const kept = whole.array.slice()
    const inside = (index: number): boolean => index % stride >= before && index % stride < before + length
    const middle = kept.filter((_, index) => inside(index))
    for (const threads of [1, 2]) {
      const part = guarded(Float32Array, outer * length, undefined, 3)
      expect(backend.call('slice', [part.array, whole.array], [outer, before, length, after], [], threads).status).toBe(0)
      expectSameBits(part.array, middle)
      part.array.forEach((value, index) => {
        part.array[index] = -value
      })
      expect(backend.call('place', [whole.array, part.array], [outer, before, length, after], [], threads).status).toBe(0)
      expectSameBits(
        whole.array,
        kept.map((value, index) => (inside(index) ? -value : value))
      )
      whole.array.set(kept)
      part.intact()
    }
    whole.intact()
  })
})
