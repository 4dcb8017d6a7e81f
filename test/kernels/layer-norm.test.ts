import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { expectSameBits } from '../helpers/bits.js'
import { lengths, unitRoundoff, worstExcess } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { layerNormGradients, layerNormReference, layerNormRows } from '../reference/layer-norm.js'

const portable = kernelBackends[0]!
const epsilon = 1e-5
/** Rows and columns: around vectors and lanes, stripes of 256 columns, groups of 512 rows, chunks of 16384 elements. */
const shapes: readonly (readonly [number, number])[] = [
  ...lengths.filter((length) => length > 0).map((length): [number, number] => [3, length]),
  [0, 5],
  [1, 1],
  [513, 7],
  [1030, 3],
  [70, 300],
  [2, 20_011]
]

interface Case {
  readonly rows: number
  readonly columns: number
  readonly x: Float32Array
  readonly dy: Float32Array
  readonly gamma: Float32Array | null
  readonly beta: Float32Array | null
}

function caseOf(rows: number, columns: number, seed: number, affine: boolean, scale = 1, shift = 0.5): Case {
  const random = testRandom(seed)
  const [x, dy] = [random.array(rows * columns, scale, shift), random.array(rows * columns)]
  return { rows, columns, x, dy, gamma: affine ? random.array(columns, 0.5, 1) : null, beta: affine ? random.array(columns) : null }
}

function run(
  backend: (typeof kernelBackends)[number],
  { rows, columns, x, dy, gamma, beta }: Case,
  threads = 2
): Record<string, Float32Array> {
  const dims = [rows, columns]
  const out = (length: number) => guarded(Float32Array, length, undefined, 3)
  const [y, mean, meanLow, invStd] = [out(rows * columns), out(rows), out(rows), out(rows)]
  const [dx, dGamma, dBeta] = [out(rows * columns), out(columns), out(columns)]
  const [from, upstream] = [guarded(Float32Array, x.length, x, 1), guarded(Float32Array, dy.length, dy, 2)]
  const statistics = [mean.array, meanLow.array, invStd.array]
  expect(backend.call('layerNormForward', [y.array, ...statistics, from.array, gamma, beta], dims, [epsilon], threads).status).toBe(0)
  expect(backend.call('layerNormBackward', [dx.array, upstream.array, from.array, ...statistics, gamma], dims, [], threads).status).toBe(0)
  const reduced = [dGamma.array, dBeta.array, upstream.array, from.array, ...statistics]
  expect(backend.call('layerNormBackwardReduce', reduced, dims, [], threads).status).toBe(0)
  for (const operand of [y, mean, meanLow, invStd, dx, dGamma, dBeta, from, upstream]) operand.intact()
  const arrays = { y, mean, meanLow, invStd, dx, dGamma, dBeta }
  return Object.fromEntries(Object.entries(arrays).map(([name, { array }]) => [name, array]))
}

/**
 * Six roundings of u a normalized element, two more for gamma and beta. Where the mean is far from 0, x − mean is exact
 * up to a rounding of the difference, and meanLow to u · u · |mean|.
 */
function expectNear(result: Record<string, Float32Array>, test: Case): void {
  const { rows, columns, x, dy } = test
  const [gamma, beta] = [test.gamma ?? undefined, test.beta ?? undefined]
  const statistics = layerNormRows(x, columns, epsilon)
  const expected = layerNormReference(x, columns, epsilon, gamma, beta)
  const u = unitRoundoff
  const far = statistics.map(({ mean, variance }) => (u * u * Math.abs(mean)) / Math.sqrt(variance + epsilon))
  const normalizedError = (row: number, value: number): number => 6 * u * Math.abs(value) + 2 * far[row]!
  const check = (name: string, values: readonly number[], bound: (i: number) => number): void => {
    const { excess, index } = worstExcess(result[name]!, values, bound)
    if (values.length > 0)
      expect(excess, `${name}[${index}] of ${rows} × ${columns}: ${result[name]![index]}, not ${values[index]}`).toBeLessThanOrEqual(0)
  }
  const rowOf = (i: number): number => Math.floor(i / columns)
  const factor = (i: number): number => Math.abs(gamma?.[i % columns] ?? 1)
  const normalized = (i: number): number => statistics[rowOf(i)]!.normalized[i % columns]!
  check(
    'y',
    expected,
    (i) => factor(i) * (normalizedError(rowOf(i), normalized(i)) + u * Math.abs(normalized(i))) + 2 * u * Math.abs(expected[i]!)
  )
  const gradients = layerNormGradients(dy, x, columns, epsilon, gamma)
  // dx: each of its terms and the two means to a few roundings of the largest.
  const largest = statistics.map(({ variance, normalized: row }, r) => {
    const g = row.map((_, c) => Math.abs(dy[r * columns + c]! * (gamma?.[c] ?? 1)))
    const top = Math.max(...row.map(Math.abs), 1)
    return (Math.max(...g) * (1 + top * top) * (1 + far[r]! / u)) / Math.sqrt(variance + epsilon)
  })
  check('dx', gradients.dx, (i) => 12 * u * largest[rowOf(i)]!)
  const columnSum = (c: number, term: (i: number) => number): number =>
    Array.from({ length: rows }, (_, row) => term(row * columns + c)).reduce((total, value) => total + value, 0)
  check(
    'dGamma',
    gradients.dGamma,
    (c) =>
      columnSum(c, (i) => Math.abs(dy[i]!) * (2 * u * Math.abs(normalized(i)) + 2 * far[rowOf(i)]!)) + u * Math.abs(gradients.dGamma[c]!)
  )
  check('dBeta', gradients.dBeta, (c) => u * Math.abs(gradients.dBeta[c]!) + rows * 2 ** -53 * columnSum(c, (i) => Math.abs(dy[i]!)))
}

describe.each(kernelBackends)('layer normalization on $name', (backend) => {
  it.each([true, false])('is within its bounds, with the portable bits, on any threads; gamma and beta %s', (affine) => {
    for (const [index, [rows, columns]] of shapes.entries()) {
      const test = caseOf(rows, columns, 81 + index, affine)
      const result = run(backend, test, 1)
      expectNear(result, test)
      const [two, expected] = [run(backend, test, 2), run(portable, test)]
      for (const name of Object.keys(result)) {
        expectSameBits(result[name]!, expected[name]!, `${name} of ${rows} × ${columns}`)
        expectSameBits(two[name]!, result[name]!, `${name} on two threads`)
      }
    }
  })

  it('survives a mean far from 0, large and small numbers', () => {
    for (const [scale, shift] of [
      [0.01, 3000],
      [1e-3, -1e6],
      [1e18, 1e18],
      [1e-18, 0]
    ] as const) {
      const test = caseOf(5, 301, 99, true, scale, shift)
      expectNear(run(backend, test), test)
    }
  })

  it('gives beta for a row of equal numbers, and NaN for a row with NaN, and no other', () => {
    const columns = 37
    const x = new Float32Array(3 * columns).fill(1e8)
    x.fill(0.1, columns, 2 * columns)
    x[2 * columns + 5] = Number.NaN
    const { y, dx } = run(backend, {
      rows: 3,
      columns,
      x,
      dy: new Float32Array(x.length).fill(1),
      gamma: null,
      beta: new Float32Array(columns).fill(7)
    })
    expect([...y!.subarray(0, 2 * columns)]).toEqual(new Array(2 * columns).fill(7))
    expect([...dx!.subarray(0, 2 * columns)]).toEqual(new Array(2 * columns).fill(0))
    expect(y!.subarray(2 * columns).every(Number.isNaN)).toBe(true)
  })

  it('backward runs in place', () => {
    const test = caseOf(9, 77, 55, true)
    const { dx, mean, meanLow, invStd } = run(backend, test)
    const dy = test.dy.slice()
    backend.call('layerNormBackward', [dy, dy, test.x, mean!, meanLow!, invStd!, test.gamma], [9, 77])
    expectSameBits(dy, dx!)
  })
})
