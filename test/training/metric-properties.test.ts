import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  accuracy,
  binaryAccuracy,
  confusionMatrix,
  f1,
  type Metric,
  type MetricValue,
  mae,
  precision,
  r2,
  recall,
  rmse,
  rocAuc,
  topKAccuracy
} from '../../lib/index.js'
import { rejection, thrown } from '../helpers/models.js'
import { aucReference, classReference, confusionReference, regressionReference } from '../reference/metrics.js'

interface Data {
  readonly outputShape: readonly number[]
  readonly output: readonly number[]
  readonly target: Int32Array | Float32Array
  readonly weights?: readonly number[] | undefined
}

/** The metric over the rows, cut after each of `cuts`. */
async function measure(metric: Metric, { outputShape, output, target, weights }: Data, cuts: readonly number[] = []): Promise<MetricValue> {
  const elements = outputShape.reduce((product, size) => product * size, 1)
  const rows = output.length / elements
  const perRow = target.length / rows
  const tally = metric.start()
  const ends = [...cuts.map((cut) => cut % (rows + 1)), rows].sort((a, b) => a - b)
  let first = 0
  for (const end of ends) {
    tally.update({
      rows: end - first,
      output: Float32Array.from(output.slice(first * elements, end * elements)),
      outputShape,
      target: target.slice(first * perRow, end * perRow),
      ...(weights ? { sampleWeight: Float32Array.from(weights.slice(first, end)) } : {})
    })
    first = end
  }
  return await tally.result()
}

/** Numbers that tie often. */
const coarse = fc.integer({ min: -3, max: 3 }).map((value) => value / 2)
const weight = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 8 }).map((value) => value / 4)
)
const cutsOf = fc.array(fc.nat({ max: 1000 }), { maxLength: 6 })

const classData = fc
  .record({ rows: fc.integer({ min: 1, max: 60 }), classes: fc.integer({ min: 2, max: 5 }), weighted: fc.boolean() })
  .chain(({ rows, classes, weighted }) =>
    fc.record({
      outputShape: fc.constant([classes]),
      output: fc.array(coarse, { minLength: rows * classes, maxLength: rows * classes }),
      target: fc.array(fc.nat({ max: classes - 1 }), { minLength: rows, maxLength: rows }).map((labels) => Int32Array.from(labels)),
      weights: weighted ? fc.array(weight, { minLength: rows, maxLength: rows }) : fc.constant(undefined)
    })
  )

const valueData = fc
  .record({ rows: fc.integer({ min: 1, max: 40 }), columns: fc.integer({ min: 1, max: 3 }), weighted: fc.boolean() })
  .chain(({ rows, columns, weighted }) => {
    const values = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: rows * columns, maxLength: rows * columns })
    return fc.record({
      outputShape: fc.constant([columns]),
      output: values,
      target: values.map((numbers) => Float32Array.from(numbers)),
      weights: weighted ? fc.array(weight, { minLength: rows, maxLength: rows }) : fc.constant(undefined)
    })
  })

const metrics: Readonly<Record<string, readonly Metric[]>> = {
  classes: [
    accuracy(),
    topKAccuracy({ k: 2 }),
    confusionMatrix(),
    ...(['macro', 'micro', 'none'] as const).flatMap((average) => [precision({ average }), recall({ average }), f1({ average })])
  ],
  values: [mae(), rmse(), r2(), binaryAccuracy()]
}

const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values))
const rowsOf = ({ output, outputShape: [columns] }: Data): number[][] =>
  Array.from({ length: output.length / columns! }, (_, row) => output.slice(row * columns!, (row + 1) * columns!))
const weightsOf = ({ weights }: Data, rows: number): readonly number[] => weights ?? new Array<number>(rows).fill(1)

describe('metrics', () => {
  it('do not depend on how the rows are cut, to the last bit', async () => {
    for (const [kind, data] of [
      ['classes', classData],
      ['values', valueData]
    ] as const)
      await fc.assert(
        fc.asyncProperty(data as fc.Arbitrary<Data>, cutsOf, async (given, cuts) => {
          for (const metric of metrics[kind]!) expect(await measure(metric, given, cuts), metric.name).toEqual(await measure(metric, given))
        }),
        { numRuns: 60 }
      )
  })

  it('of classes are their definitions', async () => {
    await fc.assert(
      fc.asyncProperty(classData, async (given) => {
        const rows = rowsOf(given)
        const classes = given.outputShape[0]!
        const weights = weightsOf(given, rows.length)
        const matrix = confusionReference(given.target, rows.map(argmax), weights, classes)
        expect(await measure(confusionMatrix(), given)).toEqual(matrix)
        const sum = weights.reduce((a, b) => a + b, 0)
        const right = matrix.reduce((total, row, c) => total + row[c]!, 0)
        // Weights are quarters: their sums are exact.
        expect(await measure(accuracy(), given)).toBe(sum === 0 ? 0 : right / sum)
        const expected = classReference(matrix)
        const occurring = expected.occurs.filter(Boolean).length
        for (const [name, metric] of Object.entries({ precision, recall, f1 })) {
          const each = expected[name as 'f1']
          const own = (await measure(metric({ average: 'none' }), given)) as readonly number[]
          for (const [c, value] of own.entries()) expect(value).toBeCloseTo(each[c]!, 12)
          const macro = each.reduce((total, value) => total + value, 0) / Math.max(1, occurring)
          expect(await measure(metric({ average: 'macro' }), given)).toBeCloseTo(macro, 12)
          expect(await measure(metric({ average: 'micro' }), given)).toBeCloseTo(sum === 0 ? 0 : right / sum, 12)
          if (classes === 2) expect(await measure(metric(), given)).toBeCloseTo(each[1]!, 12)
          else expect(await measure(metric(), given)).toBeCloseTo(macro, 12)
        }
        const k = 2
        const among = rows.map((row, r) =>
          row
            .map((value, c) => [value, c] as const)
            .sort((a, b) => b[0] - a[0] || a[1] - b[1])
            .slice(0, k)
            .some(([, c]) => c === given.target[r])
        )
        const hits = among.reduce((total, hit, r) => total + (hit ? weights[r]! : 0), 0)
        expect(await measure(topKAccuracy({ k }), given)).toBe(sum === 0 ? 0 : hits / sum)
      }),
      { numRuns: 80 }
    )
  })

  it('of values are their definitions', async () => {
    await fc.assert(
      fc.asyncProperty(valueData, async (given) => {
        const columns = given.outputShape[0]!
        const rows = given.output.length / columns
        const weights = weightsOf(given, rows)
        const each = Array.from({ length: columns }, (_, c) => {
          const column = (values: ArrayLike<number>) => Array.from({ length: rows }, (_, row) => Math.fround(values[row * columns + c]!))
          return { ...regressionReference(column(given.output), column(given.target), weights), targets: column(given.target) }
        })
        if (weights.every((value) => value === 0)) {
          for (const metric of [mae(), rmse(), r2()]) expect(await measure(metric, given)).toBe(0)
          return
        }
        const mean = (of: (column: (typeof each)[number]) => number): number => each.reduce((sum, column) => sum + of(column), 0) / columns
        expect(await measure(mae(), given)).toBeCloseTo(
          mean(({ mae }) => mae),
          9
        )
        expect(await measure(rmse(), given)).toBeCloseTo(
          mean(({ rmse }) => rmse),
          9
        )
        // A spread that is lost in rounding has no R² to compare.
        if (each.every(({ r2 }) => Math.abs(r2) < 1e6)) {
          const expected = mean(({ r2 }) => r2)
          expect(Math.abs(((await measure(r2(), given)) as number) - expected)).toBeLessThan(1e-9 * (1 + Math.abs(expected)))
        }
      }),
      { numRuns: 80 }
    )
  })

  it('the area under the curve is the share of pairs in order, to the last bit, however it is cut', async () => {
    const scores = fc.oneof(
      coarse,
      fc.float({ noNaN: true }),
      fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, -1e-45)
    )
    const data = fc.record({ rows: fc.integer({ min: 2, max: 80 }), weighted: fc.boolean() }).chain(({ rows, weighted }) =>
      fc.record({
        outputShape: fc.constant([1]),
        output: fc.array(scores, { minLength: rows, maxLength: rows }),
        target: fc
          .array(fc.nat({ max: 1 }), { minLength: rows, maxLength: rows })
          .map((labels) => Int32Array.from([0, 1, ...labels.slice(2)])),
        weights: weighted
          ? fc.array(weight, { minLength: rows, maxLength: rows }).map((w) => [1, 1, ...w.slice(2)])
          : fc.constant(undefined)
      })
    )
    await fc.assert(
      fc.asyncProperty(data, cutsOf, async (given, cuts) => {
        const expected = aucReference(given.output.map(Math.fround), given.target, weightsOf(given, given.target.length))
        expect(await measure(rocAuc(), given, cuts)).toBe(expected)
        expect(await measure(rocAuc(), { ...given, target: Float32Array.from(given.target) })).toBe(expected)
        const finite = given.output.every(Number.isFinite)
        if (finite) {
          // Two classes: the difference is the score.
          const pairs = given.output.flatMap((score) => [0, score])
          expect(await measure(rocAuc(), { ...given, outputShape: [2], output: pairs })).toBe(expected)
        }
      }),
      { numRuns: 150 }
    )
  })

  it('the area under the curve of many rows holds no event loop, and is that of a sort', async () => {
    const rows = 300_000
    const tally = rocAuc().start()
    const output = Float32Array.from({ length: rows }, (_, i) => Math.fround(Math.sin(i * 12.9898) * 43758.5453) % 1)
    const target = Int32Array.from({ length: rows }, (_, i) => (Math.cos(i * 3.7) + output[i]! > 0.5 ? 1 : 0))
    tally.update({ rows, output, outputShape: [1], target })
    let turns = 0
    let done = false
    const count = (): void => {
      turns++
      if (!done) setImmediate(count)
    }
    setImmediate(count)
    const area = await tally.result()
    done = true
    expect(turns).toBeGreaterThan(1)
    const order = Array.from(output.keys()).sort((a, b) => output[a]! - output[b]!)
    let [negatives, wins, positives] = [0, 0, 0]
    for (let i = 0; i < rows; ) {
      let [ties, own] = [0, 0]
      const score = output[order[i]!]
      for (; i < rows && output[order[i]!] === score; i++) target[order[i]!] === 1 ? own++ : ties++
      wins += own * (negatives + ties / 2)
      negatives += ties
      positives += own
    }
    expect(area).toBe(wins / (positives * negatives))
  })

  it('read one output as yes or no', async () => {
    const given = { outputShape: [1], output: [-1, 2, 0.4, -0.2, Number.NaN], target: Float32Array.of(0, 1, 0, 1, 1) }
    expect(await measure(binaryAccuracy(), given)).toBe(2 / 5)
    expect(await measure(binaryAccuracy({ threshold: 0.5 }), given)).toBe(3 / 5)
    expect(await measure(precision(), given)).toBe(1 / 2)
    expect(await measure(recall(), given)).toBe(1 / 3)
    expect(await measure(f1({ threshold: 0.5 }), { ...given, target: Int32Array.of(0, 1, 0, 1, 1) })).toBe(2 / (1 + 3))
    expect((await rejection(measure(confusionMatrix(), given))).message).toMatchInlineSnapshot(
      `"confusionMatrix: expected outputs that are numbers, got NaN in 1 rows"`
    )
    expect(await measure(confusionMatrix(), { ...given, weights: [1, 1, 1, 1, 0] })).toEqual([
      [1, 1],
      [1, 1]
    ])
  })

  it('take probabilities as labels where they are told', async () => {
    const given = { outputShape: [3], output: [1, 0, 0, 0, 1, 0], target: Float32Array.of(0.6, 0.2, 0.2, 0.1, 0.2, 0.7) }
    expect(await measure(accuracy({ labels: 'probabilities' }), given)).toBe(0.5)
    expect(await measure(topKAccuracy({ labels: 'probabilities', k: 3 }), given)).toBe(1)
    expect(await measure(recall({ labels: 'probabilities', average: 'none' }), given)).toEqual([1, 0, 0])
    expect((await rejection(measure(precision(), given))).message).toMatchInlineSnapshot(
      `"precision: expected class numbers as targets, got Float32Array(6). Give y as integers, one class number a row; or labels: 'probabilities'"`
    )
  })

  it('are 0 where there is nothing to divide by', async () => {
    const none = { outputShape: [2], output: [1, 0, 1, 0], target: Int32Array.of(0, 0) }
    expect([await measure(precision(), none), await measure(recall(), none), await measure(f1(), none)]).toEqual([0, 0, 0])
    const weightless = { ...none, weights: [0, 0] }
    for (const metric of [accuracy(), topKAccuracy({ k: 1 }), precision(), f1({ average: 'macro' })])
      expect(await measure(metric, weightless)).toBe(0)
    const equal = { outputShape: [1], output: [2, 3], target: Float32Array.of(2, 2) }
    expect(await measure(r2(), equal)).toBe(0)
    expect(await measure(r2(), { ...equal, output: [2, 2] })).toBe(1)
    expect(await measure(r2(), { ...equal, output: [2, Number.NaN] })).toBeNaN()
    expect(await measure(mae(), { ...equal, output: [2, Number.NaN] })).toBeNaN()
  })

  it('refuse what they cannot read', async () => {
    const scores = { outputShape: [1], output: [1, 2], target: Int32Array.of(0, 1) }
    const refused = async (metric: Metric, data: Data) => (await rejection(measure(metric, data))).message
    expect(await refused(rocAuc(), { ...scores, target: Int32Array.of(1, 1) })).toMatchInlineSnapshot(
      `"rocAuc: expected rows of both classes, got none of class 0"`
    )
    expect(await refused(rocAuc(), { ...scores, target: Int32Array.of(1, 2) })).toMatchInlineSnapshot(
      `"rocAuc: expected targets 0 or 1, got 2"`
    )
    expect(await refused(rocAuc(), { ...scores, output: [1, Number.NaN] })).toMatchInlineSnapshot(
      `"rocAuc: expected scores that are numbers, got NaN in row 1"`
    )
    expect(await refused(rocAuc(), { ...scores, outputShape: [3], output: [1, 2, 3, 4, 5, 6] })).toMatchInlineSnapshot(
      `"rocAuc: expected outputs of one score, or of two classes, got rows of shape [3]"`
    )
    expect(
      await refused(precision({ average: 'binary' }), { outputShape: [3], output: [1, 2, 3], target: Int32Array.of(0) })
    ).toMatchInlineSnapshot(`"precision: expected average 'macro', 'micro' or 'none' for more than two classes, got 'binary'"`)
    expect(await refused(f1(), { outputShape: [2], output: [1, 2], target: Int32Array.of(5) })).toMatchInlineSnapshot(
      `"f1: expected class numbers 0 … 1 as targets, got 5"`
    )
    expect(await refused(mae(), { outputShape: [2], output: [1, 2], target: Int32Array.of(5) })).toMatchInlineSnapshot(
      `"mae: expected 2 targets for 2 outputs, got Int32Array(1)"`
    )
    expect(thrown(() => topKAccuracy({ k: 0 })).message).toMatchInlineSnapshot(
      `"topKAccuracy: expected k to be an integer at least 1, got 0"`
    )
    expect(thrown(() => precision({ average: 'weighted' as never })).message).toMatchInlineSnapshot(
      `"precision: expected average to be 'binary' or 'macro' or 'micro' or 'none', got 'weighted'"`
    )
    expect(thrown(() => binaryAccuracy({ threshhold: 1 } as object)).message).toMatchInlineSnapshot(
      `"binaryAccuracy: expected only the options name, threshold, got 'threshhold'. Did you mean threshold?"`
    )
    expect(thrown(() => mae({ name: '' })).message).toMatchInlineSnapshot(
      `"mae: expected name to be a string, the key of the result, got ''"`
    )
  })
})
