import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'

describe.each(kernelBackends)('meanBackward on $name', (backend) => {
  it.each([...lengths, 40_007])('shares the gradient among %i elements, rounded once', (length) => {
    for (const gradient of [1, -0.3, 1e-40, 3e38, -0, Number.NaN, Number.NEGATIVE_INFINITY]) {
      const dMean = guarded(Float32Array, 1, [gradient], 3)
      const dx = guarded(Float32Array, length, undefined, 1)
      expect(backend.call('meanBackward', [dx.array, dMean.array], [length]).status).toBe(0)
      expectSameBits(dx.array, new Float32Array(length).fill(dMean.array[0]! / length))
      dMean.intact()
      dx.intact()
    }
  })
})
