import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { activationCodes, activationReference } from '../reference/activation.js'
import { type MatmulCase, matmulReference } from '../reference/matmul.js'

type Backend = (typeof kernelBackends)[number]
interface Variant {
  transposeA: number
  layoutB: number
}

const variants: readonly Variant[] = [0, 1].flatMap((transposeA) => [0, 1, 2].map((layoutB) => ({ transposeA, layoutB })))
const slope = 0.1
const blockDepth = 256

/** Tiles are 6 or 12 rows, panels 2, 8, 16 or 32 lanes; blocks of k 256; from 193 rows on x·Wᵀ packs the weights. */
const shapes: readonly (readonly [m: number, n: number, k: number])[] = [
  [1, 1, 1],
  [1, 10, 0],
  [1, 67, 33],
  [1, 200, 300],
  [2, 64, 31],
  [3, 129, 17],
  [5, 6, 7],
  [6, 16, 64],
  [7, 17, 65],
  [11, 7, blockDepth + 1],
  [12, 32, blockDepth],
  [13, 33, 2 * blockDepth + 3],
  [16, 130, 12],
  [17, 63, 16],
  [31, 10, 127],
  [37, 131, 257],
  [64, 10, 300],
  [97, 193, 61],
  [128, 8, 129],
  [193, 200, 40],
  [200, 49, 101]
]

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!)
}

function packed(backend: Backend, b: Float32Array, n: number, k: number, layoutB: number): Float32Array {
  const operand = guarded(Float32Array, Math.ceil(n / 64) * 64 * k, undefined, 1)
  const source = guarded(Float32Array, n * k, layoutB === 1 ? transposed(b, k, n) : b, 3)
  expect(backend.call('matmulPack', [operand.array, source.array], [n, k], [layoutB]).status).toBe(0)
  operand.intact()
  source.intact()
  return operand.array
}

/** Runs the kernel on guarded, misaligned operands. */
function run(
  backend: Backend,
  { m, n, k, a, b, bias, scale, aScale }: MatmulCase,
  { transposeA, layoutB }: Variant,
  { activation = 0, threads = 2, packFrom = 1 } = {}
): Float32Array {
  const out = guarded(Float32Array, m * n, undefined, 1)
  const left = guarded(Float32Array, m * k, transposeA ? transposed(a, m, k) : a, 3)
  const stored = layoutB === 0 ? b : layoutB === 1 ? transposed(b, k, n) : packed(backend, b, n, k, packFrom)
  const right = guarded(Float32Array, stored.length, stored, 2)
  const vectors = [bias, scale, aScale].map((values) => (values ? guarded(Float32Array, values.length, values, 5) : null))
  const operands = [out, left, right, ...vectors].map((operand) => operand?.array ?? null)
  expect(backend.call('matmul', operands, [m, n, k], [transposeA, layoutB, activation, slope], threads).status).toBe(0)
  for (const operand of [out, left, right, ...vectors]) operand?.intact()
  return out.array
}

function randomCase(seed: number, m: number, n: number, k: number, { bias = false, scale = false, aScale = false } = {}): MatmulCase {
  const random = testRandom(seed)
  const a = random.array(m * k)
  const b = random.array(k * n)
  return {
    m,
    n,
    k,
    a,
    b,
    bias: bias ? random.array(n) : null,
    scale: scale ? random.array(n) : null,
    aScale: aScale ? random.array(k) : null
  }
}

const all = { bias: true, scale: true, aScale: true }

describe.each(kernelBackends)('matmul on $name', (backend) => {
  it.each(shapes)('%i × %i × %i: within the bound, and the same bits in every layout', (m, n, k) => {
    for (const extras of [{}, all]) {
      const example = randomCase(31, m, n, k, extras)
      const { values, bounds } = matmulReference(example)
      const first = run(backend, example, variants[0]!)
      expect(worstExcess(first, values, (i) => bounds[i]!).excess).toBeLessThanOrEqual(0)
      for (const variant of variants.slice(1)) expectSameBits(run(backend, example, variant), first)
      expectSameBits(run(backend, example, { transposeA: 0, layoutB: 2 }, { packFrom: 0 }), first)
    }
  })

  it('applies any of aScale, scale and bias, and each activation', () => {
    for (const [name, activation] of Object.entries(activationCodes)) {
      for (let bits = 0; bits < 8; bits++) {
        const extras = { bias: (bits & 1) > 0, scale: (bits & 2) > 0, aScale: (bits & 4) > 0 }
        const example = randomCase(32 + bits, 19, 23, 29, extras)
        const { values, bounds } = matmulReference(example)
        const expected = values.map((value) => activationReference(activation, value, Math.fround(slope)))
        // Every activation has a slope of at most 1, and rounds by at most 3 ulp.
        const bound = (i: number): number => bounds[i]! + 6 * 2 ** -24 * (Math.abs(expected[i]!) + bounds[i]!)
        for (const layoutB of [0, 1, 2]) {
          const actual = run(backend, example, { transposeA: 0, layoutB }, { activation })
          expect(worstExcess(actual, expected, bound).excess, `${name} ${JSON.stringify(extras)}`).toBeLessThanOrEqual(0)
        }
      }
    }
  })

  it('fuses scale, bias and activation with the bits of one rounding each', () => {
    const example = randomCase(40, 21, 37, 50, all)
    const plain = run(backend, { ...example, bias: null, scale: null }, variants[1]!)
    const { scale, bias, n } = example
    const expected = plain.map((value, i) => Math.max(0, Math.fround(Math.fround(value * scale![i % n]!) + bias![i % n]!)))
    expectSameBits(run(backend, example, variants[1]!, { activation: activationCodes.relu }), expected)
  })

  it.each(variants)('transposeA $transposeA, layoutB $layoutB: a row has the same bits at any batch size and position', (variant) => {
    const [m, n, k] = [41, 70, 300]
    const example = randomCase(50, m, n, k, all)
    const whole = run(backend, example, variant)
    for (const [from, count] of [
      [0, 1],
      [40, 1],
      [17, 2],
      [5, 3],
      [1, 6],
      [29, 12],
      [3, 38]
    ] as const) {
      const part = { ...example, m: count, a: example.a.slice(from * k, (from + count) * k) }
      expectSameBits(run(backend, part, variant), whole.subarray(from * n, (from + count) * n))
    }
  })

  it('gives the same bits on one thread, two and three', () => {
    // More than one chunk on each path: swapped roles, lanes packed by each chunk, for all chunks, given; packed rows.
    for (const [m, n, k, transposeA, layoutB] of [
      [40, 330, 300, 0, 1],
      [220, 330, 270, 0, 1],
      [64, 300, 257, 0, 0],
      [400, 90, 260, 0, 0],
      [100, 300, 260, 0, 2],
      [300, 310, 100, 1, 0]
    ] as const) {
      const example = randomCase(60, m, n, k, { bias: true })
      const one = run(backend, example, { transposeA, layoutB }, { threads: 1 })
      for (const threads of [2, 3]) expectSameBits(run(backend, example, { transposeA, layoutB }, { threads }), one)
    }
  })

  it('continues each chain over slabs of shared packings', () => {
    // 1500 rows by columns, or 100 lanes, and k beyond what 4 MiB of packings hold.
    for (const [m, n, k, transposeA, layoutB] of [
      [1500, 33, 900, 1, 0],
      [14, 100, 9000, 0, 0]
    ] as const) {
      const example = randomCase(70, m, n, k, { aScale: true })
      const actual = run(backend, example, { transposeA, layoutB })
      // The last rows and columns, alone: another path, the same chains.
      const rows = { ...example, m: 2, a: example.a.slice((m - 2) * k) }
      expectSameBits(run(backend, rows, { transposeA: 0, layoutB: 1 }), actual.subarray((m - 2) * n))
      const { values, bounds } = matmulReference(rows)
      expect(worstExcess(actual.subarray((m - 2) * n), values, (i) => bounds[i]!).excess).toBeLessThanOrEqual(0)
    }
  })

  it('writes bias alone for k = 0, and nothing for m = 0 or n = 0', () => {
    for (const variant of variants) {
      const example = randomCase(80, 3, 35, 0, { bias: true, scale: true })
      expectSameBits(
        run(backend, example, variant),
        Float32Array.from({ length: 105 }, (_, i) => Math.fround(0 * example.scale![i % 35]! + example.bias![i % 35]!))
      )
      expect(run(backend, randomCase(81, 0, 35, 20, all), variant)).toHaveLength(0)
      expect(run(backend, randomCase(82, 20, 0, 35, all), variant)).toHaveLength(0)
    }
  })

  it('carries NaN and infinities to their rows and columns, and nowhere else', () => {
    for (const variant of variants) {
      const example = randomCase(90, 29, 43, 70)
      example.a[3 * 70 + 69] = Number.NaN
      example.a[28 * 70 + 1] = Number.POSITIVE_INFINITY
      example.b[69 * 43 + 42] = Number.POSITIVE_INFINITY
      const { values } = matmulReference(example)
      expect(run(backend, example, variant).map(Math.sign)).toEqual(Float32Array.from(values, Math.sign))
    }
  })

  it('keeps denormal results', () => {
    const tiny = { m: 1, n: 1, k: 1, a: Float32Array.of(-(2 ** -100)), b: Float32Array.of(2 ** -40), bias: null, scale: null, aScale: null }
    for (const variant of variants) expectSameBits(run(backend, tiny, variant), Float32Array.of(-(2 ** -140)))
  })
})

const withoutFma = kernelBackends.filter(({ name }) => /baseline|sse4/.test(name))
describe.runIf(withoutFma.length > 0)('matmul without FMA', () => {
  // One placeholder where there are none: a suite without tests would fail.
  it.each(withoutFma.length > 0 ? withoutFma : kernelBackends)('$name is the chain of rounded products and sums', (backend) => {
    const { m, n, k, ...example } = randomCase(100, 23, 41, 270)
    const expected = new Float32Array(m * n)
    for (let i = 0; i < m * n; i++) {
      let sum = 0
      for (let step = 0; step < k; step++) {
        sum = Math.fround(sum + Math.fround(example.a[Math.floor(i / n) * k + step]! * example.b[step * n + (i % n)]!))
      }
      expected[i] = sum
    }
    expectSameBits(run(backend, { m, n, k, ...example }, variants[1]!), expected)
  })
})
