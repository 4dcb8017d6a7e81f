import { describe, expect, it } from 'vitest'
import { FileFormatError } from '../../lib/errors.js'
import * as initializers from '../../lib/layers/initializers.js'
import type { Initializer } from '../../lib/layers/layer.js'
import { Purpose, streamOf } from '../../lib/random.js'

const { constant, glorotNormal, glorotUniform, heNormal, heUniform, initializerFromJSON, lecunNormal, lecunUniform } = initializers
const { normal, ones, orthogonal, uniform, zeros } = initializers

const key = [0x12345678, 0x9abcdef0] as const
const stream = streamOf(Purpose.initialization, 3)

function fill(
  initializer: Initializer,
  shape: readonly number[],
  cuts: readonly number[] = [],
  other: { key?: typeof key; stream?: number } = {}
): Float32Array {
  const target = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(Number.NaN)
  const borders = [0, ...cuts, target.length]
  for (let i = 1; i < borders.length; i++)
    initializer.fill(target, { shape, key, stream, start: borders[i - 1]!, end: borders[i]!, ...other })
  return target
}

function moments(values: Float32Array): { mean: number; deviation: number; largest: number; fourth: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const power = (exponent: number): number => values.reduce((sum, value) => sum + (value - mean) ** exponent, 0) / values.length
  const deviation = Math.sqrt(power(2))
  return { mean, deviation, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0), fourth: power(4) / deviation ** 4 }
}

const all: Initializer[] = [
  heUniform(),
  heUniform({ slope: 0.2 }),
  heNormal(),
  glorotUniform({ gain: 2 }),
  glorotNormal(),
  lecunUniform(),
  lecunNormal(),
  orthogonal({ gain: 0.5 }),
  constant(0.25),
  zeros(),
  ones(),
  uniform({ low: -1, high: 3 }),
  normal({ mean: 1, standardDeviation: 2 })
]

describe('distributions', () => {
  const shape = [50, 3, 4, 40]
  const [fanIn, fanOut, count] = [480, 600, 24_000]

  it.each([
    ['heUniform', heUniform(), Math.sqrt(6 / fanIn)],
    ['heUniform, slope 0.5', heUniform({ slope: 0.5 }), Math.sqrt(6 / (1.25 * fanIn))],
    ['glorotUniform', glorotUniform(), Math.sqrt(6 / (fanIn + fanOut))],
    ['glorotUniform, gain 3', glorotUniform({ gain: 3 }), 3 * Math.sqrt(6 / (fanIn + fanOut))],
    ['lecunUniform', lecunUniform(), Math.sqrt(3 / fanIn)],
    ['uniform', uniform({ low: -7, high: 7 }), 7]
  ] as const)('%s', (_, initializer, bound) => {
    const { mean, deviation, largest, fourth } = moments(fill(initializer, shape))
    expect(largest).toBeLessThanOrEqual(Math.fround(bound))
    expect(largest).toBeGreaterThan(bound * (1 - 20 / count))
    // Five deviations of the estimates: of the mean σ/√n, of σ about σ/√n · 0.45 (a uniform's fourth moment is 1.8).
    expect(Math.abs(mean)).toBeLessThan((5 * bound) / Math.sqrt(3 * count))
    expect(Math.abs(deviation / (bound / Math.sqrt(3)) - 1)).toBeLessThan((5 * 0.45) / Math.sqrt(count))
    expect(fourth).toBeCloseTo(1.8, 1)
  })

  it.each([
    ['heNormal', heNormal(), Math.sqrt(2 / fanIn)],
    ['heNormal, slope 2', heNormal({ slope: 2 }), Math.sqrt(2 / (5 * fanIn))],
    ['glorotNormal', glorotNormal(), Math.sqrt(2 / (fanIn + fanOut))],
    ['lecunNormal', lecunNormal(), Math.sqrt(1 / fanIn)],
    ['normal', normal({ standardDeviation: 3 }), 3]
  ] as const)('%s', (_, initializer, deviation) => {
    const found = moments(fill(initializer, shape))
    expect(Math.abs(found.mean)).toBeLessThan((5 * deviation) / Math.sqrt(count))
    expect(Math.abs(found.deviation / deviation - 1)).toBeLessThan((5 * 0.71) / Math.sqrt(count))
    expect(Math.abs(found.fourth - 3)).toBeLessThan(5 * Math.sqrt(24 / count))
    expect(found.largest).toBeGreaterThan(3.3 * deviation)
    expect(found.largest).toBeLessThan(6.8 * deviation)
  })

  it('uniform and normal go where they are asked, without fans', () => {
    const low = fill(uniform({ low: 2, high: 3 }), [1000])
    expect(Math.min(...low)).toBeGreaterThanOrEqual(2)
    expect(Math.max(...low)).toBeLessThanOrEqual(3)
    expect(moments(fill(normal({ mean: 10, standardDeviation: 0.1 }), [1000])).mean).toBeCloseTo(10, 1)
    expect(new Set(fill(normal({ mean: 4, standardDeviation: 0 }), [9]))).toEqual(new Set([4]))
  })

  it('zeros, ones, constant', () => {
    expect([...fill(zeros(), [3]), ...fill(ones(), [2]), ...fill(constant(-0.5), [2])]).toEqual([0, 0, 0, 1, 1, -0.5, -0.5])
  })
})

describe('streams', () => {
  it.each(all.filter((initializer) => !initializer.slices))('$kind: the same bits however it is cut', (initializer) => {
    const whole = fill(initializer, [11, 13])
    expect(fill(initializer, [11, 13], [1, 2, 7, 8, 64, 65, 66, 67, 140])).toEqual(whole)
    expect(whole.every((value) => Number.isFinite(value))).toBe(true)
  })

  it.each(all.filter(({ kind }) => !['zeros', 'ones', 'constant'].includes(kind)))(
    '$kind: another seed or stream, other numbers',
    (initializer) => {
      const base = fill(initializer, [8, 9])
      const others = [
        { key: [key[0], key[1] + 1] as const as typeof key },
        { key: [key[0] + 1, key[1]] as const as unknown as typeof key },
        { stream: stream + 1 }
      ]
      for (const other of others) {
        const numbers = fill(initializer, [8, 9], [], other)
        const equal = numbers.filter((value, index) => value === base[index]).length
        expect(equal).toBe(0)
      }
    }
  )

  it('does not repeat inside a large parameter', () => {
    expect(new Set(fill(uniform({ low: -1, high: 1 }), [4096])).size).toBeGreaterThan(4090)
  })
})

describe('orthogonal', () => {
  it.each([[[4, 4]], [[1, 1]], [[1, 7]], [[7, 1]], [[31, 12]], [[12, 31]], [[64, 64]], [[6, 3, 3, 5]], [[100, 3, 3, 5]]])(
    '%j is orthonormal to 1e-6',
    (shape) => {
      for (const gain of [1, 2.5]) {
        const values = fill(orthogonal({ gain }), shape)
        const rows = shape[0]!
        const columns = values.length / rows
        const at = (row: number, column: number): number => values[row * columns + column]! / gain
        const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)]
        const entry = rows > columns ? (vector: number, i: number) => at(i, vector) : at
        for (let a = 0; a < count; a++)
          for (let b = a; b < count; b++) {
            let product = 0
            for (let i = 0; i < length; i++) product += entry(a, i) * entry(b, i)
            expect(Math.abs(product - (a === b ? 1 : 0))).toBeLessThan(1e-6)
          }
      }
    }
  )

  it('is equally likely in every direction: entries have mean 0 and variance 1/n, signs are even', () => {
    const n = 5
    const draws = 2000
    const sums = new Float64Array(n * n)
    const squares = new Float64Array(n * n)
    let trace = 0
    for (let draw = 0; draw < draws; draw++) {
      const values = fill(orthogonal(), [n, n], [], { stream: draw })
      for (let i = 0; i < n * n; i++) {
        sums[i]! += values[i]!
        squares[i]! += values[i]! ** 2
      }
      for (let i = 0; i < n; i++) trace += values[i * n + i]!
    }
    for (let i = 0; i < n * n; i++) {
      expect(Math.abs(sums[i]! / draws)).toBeLessThan(5 * Math.sqrt(1 / n / draws))
      expect(Math.abs(squares[i]! / draws - 1 / n)).toBeLessThan(5 * Math.sqrt(2 / n ** 2 / draws))
    }
    // The trace of a Haar orthogonal matrix has mean 0 and variance 1.
    expect(Math.abs(trace / draws)).toBeLessThan(5 / Math.sqrt(draws))
  })
})

describe('JSON and errors', () => {
  it.each(all)('$kind comes back from JSON', (initializer) => {
    const again = initializerFromJSON(JSON.parse(JSON.stringify({ kind: initializer.kind, ...initializer.options })))
    expect(again.options).toEqual(initializer.options)
    expect(fill(again, [3, 5])).toEqual(fill(initializer, [3, 5]))
  })

  it('refuses what it cannot make', () => {
    expect(() => heUniform({ gain: 1 } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: heUniform: expected only the options slope, got 'gain']`
    )
    expect(() => fill(heUniform(), [10])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: heUniform: expected a weight of two or more dimensions, [outputs, ..., inputs], got [10]. Use zeros, constant, uniform or normal]`
    )
    expect(() => fill(orthogonal(), [10])).toThrow(RangeError)
    expect(() => orthogonal({ gain: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: orthogonal: expected gain to be a finite number above 0, got 0]`
    )
    expect(() => uniform({ low: 1, high: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: uniform: expected high to be at least low, 1, got 0]`
    )
    expect(() => uniform({ low: 1 } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: uniform: expected high to be a number, got undefined]`
    )
    expect(() => normal({ standardDeviation: -1 })).toThrow(RangeError)
    expect(() => normal({ deviation: 1 } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: normal: expected only the options mean, standardDeviation, got 'deviation'. Did you mean standardDeviation?]`
    )
    expect(() => constant('1' as never)).toThrow(TypeError)
    expect(() => constant(1e39)).toThrow(RangeError)
    for (const json of [null, 'zeros', {}, { kind: 'toString' }, { kind: 'xavier' }, { kind: 3 }])
      expect(() => initializerFromJSON(json)).toThrow(FileFormatError)
  })
})
