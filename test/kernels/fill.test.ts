import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'

describe.each(kernelBackends)('fill on $name', (backend) => {
  it.each([...lengths, 40_007])('writes %i elements and no more', (length) => {
    for (const value of [1, 0.1, -0, 1e-45, Number.POSITIVE_INFINITY, Number.NaN]) {
      const out = guarded(Float32Array, length, undefined, 3)
      expect(backend.call('fill', [out.array], [length], [value]).status).toBe(0)
      expectSameBits(out.array, new Float32Array(length).fill(value))
      out.intact()
    }
  })
})
