import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { batchNormShapes, count, expectSame, names, noDropout } from './batch-norm-cases.js'

/** threshold, keyLow, keyHigh, repeat, step, stream, firstBlock */
const dropout = [30_000, 0x12345678, 0x9abcdef0, 2, 5, 3, 1001]

describe.each(kernelBackends)('dropout within batch norm on $name', (backend) => {
  it.each([...batchNormShapes, [40, 30, 49] as const, [200, 700, 1] as const].map((shape) => [names(shape), shape] as const))(
    'drops what dropoutForward drops, with its mask and its bits: %s',
    (_, shape) => {
      const random = testRandom(71)
      const [x, gamma, beta] = [random.array(count(shape)), random.array(shape[1]), random.array(shape[1])]
      const statistics = [0, 1, 2, 3].map(() => new Float32Array(shape[1]))
      const [mean, meanLow, , invStd] = statistics as [Float32Array, Float32Array, Float32Array, Float32Array]
      const bytes = Math.ceil(count(shape) / 8)
      const [plain, dropped] = [new Float32Array(count(shape)), new Float32Array(count(shape))]
      const expectedMask = new Uint8Array(bytes)
      backend.call('batchNormForward', [plain, null, ...statistics, x, gamma, beta], shape, [1e-5, 2, 0.1, ...noDropout])
      backend.call('dropoutForward', [dropped, expectedMask, plain], [count(shape)], dropout)
      for (const threads of [1, 2]) {
        const y = guarded(Float32Array, count(shape), undefined, 1)
        const mask = guarded(Uint8Array, bytes, undefined, 3)
        const again = statistics.map(() => new Float32Array(shape[1]))
        const forward = [y.array, mask.array, ...again, x, gamma, beta]
        expect(backend.call('batchNormForward', forward, shape, [1e-5, 2, 0.1, ...dropout], threads).status).toBe(0)
        expectSame(mask.array, expectedMask)
        expectSame(y.array, dropped)
        y.array.fill(0)
        mask.array.fill(0)
        const apply = [y.array, mask.array, x, mean, meanLow, invStd, gamma, beta]
        expect(backend.call('batchNormApply', apply, shape, [2, 0.1, ...dropout], threads).status).toBe(0)
        expectSame(mask.array, expectedMask)
        expectSame(y.array, dropped)
        for (const operand of [y, mask]) operand.intact()
      }
    }
  )

  it('gives zeros and zero gradients at rate 1', () => {
    const shape = [9, 5, 1] as const
    const x = testRandom(72).array(count(shape))
    const y = new Float32Array(45).fill(1)
    const mask = new Uint8Array(6).fill(255)
    const statistics = [0, 1, 2, 3].map(() => new Float32Array(5))
    backend.call('batchNormForward', [y, mask, ...statistics, x, null, null], shape, [1e-5, 0, 0, 65536, 1, 2, 0, 0, 0, 0])
    expect([...y, ...mask].every((value) => value === 0)).toBe(true)
    const gradients = [new Float32Array(45).fill(1), new Float32Array(5).fill(1), new Float32Array(5).fill(1)]
    const given = [mask, x, x, statistics[0]!, statistics[1]!, statistics[3]!, null, null]
    backend.call('batchNormBackward', [...gradients, ...given], shape, [0, 0, 65536])
    expect(gradients.every((array) => array.every((value) => value === 0))).toBe(true)
  })
})
