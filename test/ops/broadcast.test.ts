import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Binary } from '../../lib/kernels/types.js'
import { broadcastPlan, broadcastShape } from '../../lib/ops/broadcast.js'
import { formatShape, type StaticShape } from '../../lib/shape.js'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { batch } from '../helpers/operation.js'
import { testRandom } from '../helpers/random.js'
import { repeated } from '../reference/elementwise.js'

const product = (shape: StaticShape): number => shape.reduce((total, size) => total * size, 1)

/** Two shapes that broadcast: of each dimension a size and who repeats it; leading dimensions that one of them lacks. */
const pair = fc
  .record({
    dimensions: fc.array(
      fc.tuple(fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.constantFrom(33, 70)), fc.integer({ min: 0, max: 3 })),
      {
        minLength: 1,
        maxLength: 6
      }
    ),
    dropped: fc.integer({ min: 0, max: 5 })
  })
  .map(({ dimensions, dropped }) => {
    const a = dimensions.map(([size, repeats]) => (repeats === 1 ? 1 : size))
    const b = dimensions.map(([size, repeats]) => (repeats === 2 ? 1 : size))
    return { a, b: b.slice(Math.min(dropped, b.length)), seed: dropped }
  })
  .filter(({ a, b }) => product(a) * product(b) < 1e9 && product(broadcastShape('', [a, b]) as StaticShape) < 60_000)

describe.each(kernelBackends)('broadcasting on $name', (backend) => {
  it('walks any two shapes as their definition does', () => {
    fc.assert(
      fc.property(pair, ({ a, b, seed }) => {
        const out = broadcastShape('test', [a, b]) as StaticShape
        const { dims, masks } = broadcastPlan('test', out, [a, b])
        const random = testRandom(seed)
        const [left, right] = [random.array(product(a)), random.array(product(b))]
        const [wideLeft, wideRight] = [repeated(left, a, out), repeated(right, b, out)]
        const actual = new Float32Array(product(out))
        const scalars = [Binary.subtract, ...masks, 0, 0]
        expect(backend.call('elementwiseBinary', [actual, left, right], dims as number[], scalars).status).toBe(0)
        expectSameBits(
          actual,
          Float32Array.from(wideLeft, (value, i) => value - wideRight[i]!),
          `${a} and ${b}`
        )
      }),
      { numRuns: 150, seed: 20261124 }
    )
  })
})

describe('a plan of broadcasting', () => {
  it('joins neighbours that are repeated alike, the batch among them', () => {
    const plan = (out: Parameters<typeof broadcastPlan>[1], ...shapes: Parameters<typeof broadcastPlan>[2]) => {
      const { dims, masks } = broadcastPlan('test', out, shapes)
      return `${formatShape(dims)} ${masks.map((mask) => mask.toString(2)).join(' ')}`
    }
    expect(plan([batch, 2, 3], [batch, 2, 3], [batch, 2, 3])).toBe('[1, 1, 1, 1, 1, 6·batch] 0 0')
    expect(plan([batch, 2, 3], [batch, 2, 3], [2, 3])).toBe('[1, 1, 1, 1, batch, 6] 0 10000')
    expect(plan([batch, 2, 1, 3], [batch, 2, 1, 3], [batch, 1, 1, 1])).toBe('[1, 1, 1, 1, batch, 6] 0 100000')
    expect(plan([batch, 2, 3], [batch, 2, 3], null)).toBe('[1, 1, 1, 1, 1, 6·batch] 0 100000')
    expect(plan([1, 1], [1, 1], [1])).toBe('[1, 1, 1, 1, 1, 1] 0 0')
  })
})
