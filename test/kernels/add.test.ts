import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

describe.each(kernelBackends)('add on $name', (backend) => {
  it.each([...lengths, 70_001])('sums %i elements, rounded once', (length) => {
    const random = testRandom(11)
    const a = guarded(Float32Array, length, random.array(length), 1)
    const b = guarded(Float32Array, length, random.array(length, 1e-4), 3)
    const out = guarded(Float32Array, length, undefined, 2)
    expect(backend.call('add', [out.array, a.array, b.array], [length]).status).toBe(0)
    expect(out.array).toEqual(a.array.map((value, index) => Math.fround(value + b.array[index]!)))
    for (const operand of [a, b, out]) operand.intact()
  })
})
