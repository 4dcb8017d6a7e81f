import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

const special = Float32Array.of(0, -0, 1, 1e-45, -1e-45, 3e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN)

describe.each(kernelBackends)('scaleColumns on $name', (backend) => {
  it.each([1, 2, 7])('scales the columns, rounded once, in guarded operands of %i rows', (rows) => {
    const random = testRandom(41)
    for (const columns of [...lengths, 20_001]) {
      const x = guarded(Float32Array, rows * columns, random.array(rows * columns), 1)
      const scale = guarded(Float32Array, columns, random.array(columns, 1e-3), 3)
      const out = guarded(Float32Array, rows * columns, undefined, 2)
      expect(backend.call('scaleColumns', [out.array, x.array, scale.array], [rows, columns]).status).toBe(0)
      const expected = x.array.map((value, i) => Math.fround(value * scale.array[i % columns]!))
      expectSameBits(out.array, expected, `${columns} columns`)
      for (const operand of [x, scale, out]) operand.intact()
    }
  })

  it('does so in place, on any threads, and for no rows', () => {
    const random = testRandom(42)
    const x = random.array(3001 * 13)
    const scale = random.array(13)
    const out = new Float32Array(x.length)
    backend.call('scaleColumns', [out, x, scale], [3001, 13], [], 1)
    for (const threads of [1, 2]) {
      const inPlace = x.slice()
      backend.call('scaleColumns', [inPlace, inPlace, scale], [3001, 13], [], threads)
      expectSameBits(inPlace, out)
    }
    expect(backend.call('scaleColumns', [new Float32Array(0), new Float32Array(0), scale], [0, 13]).status).toBe(0)
  })

  it('treats every special value as IEEE 754 does', () => {
    const x = Float32Array.from({ length: special.length ** 2 }, (_, i) => special[Math.floor(i / special.length)]!)
    const out = new Float32Array(x.length)
    backend.call('scaleColumns', [out, x, special], [special.length, special.length])
    expectSameBits(
      out,
      x.map((value, i) => value * special[i % special.length]!)
    )
  })
})
