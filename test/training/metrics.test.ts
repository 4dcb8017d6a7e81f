import { describe, expect, it } from 'vitest'
import { accuracy } from '../../lib/training/metrics.js'
import { testRandom } from '../helpers/random.js'

describe('accuracy', () => {
  it('counts rows over ragged batches exactly', () => {
    const random = testRandom(5)
    const [rows, classes] = [97, 7]
    const output = random.array(rows * classes)
    const target = Int32Array.from({ length: rows }, () => random.integer(classes))
    let correct = 0
    for (let row = 0; row < rows; row++) {
      const values = [...output.subarray(row * classes, (row + 1) * classes)]
      if (values.indexOf(Math.max(...values)) === target[row]) correct++
    }
    expect(correct).toBeGreaterThan(0)
    const tally = accuracy().start()
    let first = 0
    for (const size of [1, 32, 33, 31, 0]) {
      const last = first + size
      tally.update({
        rows: size,
        output: output.slice(first * classes, last * classes),
        outputShape: [classes],
        target: target.slice(first, last)
      })
      first = last
    }
    expect(first).toBe(rows)
    expect(tally.result()).toBe(correct / rows)
  })

  it('takes the first of equal outputs, and no row with NaN', () => {
    const tally = accuracy().start()
    const output = Float32Array.of(1, 1, Number.NaN, 2, 2, Number.NaN, -Infinity, -Infinity)
    tally.update({ rows: 4, output, outputShape: [2], target: Int32Array.of(0, 1, 0, 0) })
    expect(tally.result()).toBe(0.5)
  })

  it('runs do not share a tally', () => {
    const metric = accuracy()
    const [a, b] = [metric.start(), metric.start()]
    a.update({ rows: 1, output: Float32Array.of(1, 0), outputShape: [2], target: Int32Array.of(0) })
    expect(a.result()).toBe(1)
    expect(b.result()).toBe(0)
  })

  it('refuses values as targets and outputs that are not classes', () => {
    const tally = accuracy().start()
    const output = Float32Array.of(1, 0)
    expect(() => tally.update({ rows: 1, output, outputShape: [2], target: Float32Array.of(1, 0) })).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: accuracy: expected class numbers as targets, got Float32Array(2). Give y as integers, one class number a row; or labels: 'probabilities']`
    )
    expect(() => tally.update({ rows: 2, output, outputShape: [1], target: Int32Array.of(1, 0) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: accuracy: expected outputs of one value a class, at least 2, got rows of shape [1]]`
    )
    expect(() => tally.update({ rows: 1, output, outputShape: [1, 2], target: Int32Array.of(1) })).toThrow(RangeError)
  })
})
