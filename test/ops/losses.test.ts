import { describe, expect, it } from 'vitest'
import { Graph } from '../../lib/graph/graph.js'
import * as ops from '../../lib/ops/index.js'
import { thrown } from '../helpers/models.js'
import { batch, expectOperation } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { elementLossReference } from '../reference/element-loss.js'
import { crossEntropyReference } from '../reference/softmax-cross-entropy.js'

/** The mean over each row of `columns` of f(prediction, target). */
function byRow(p: ArrayLike<number>, t: ArrayLike<number>, columns: number, f: (p: number, t: number) => number): number[] {
  return Array.from({ length: p.length / columns }, (_, row) => {
    let sum = 0
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += f(p[i]!, t[i]!)
    return sum / columns
  })
}

function rowsOf(x: ArrayLike<number>, classes: number): number[][] {
  return Array.from({ length: x.length / classes }, (_, row) => Array.from(x).slice(row * classes, (row + 1) * classes))
}

describe.each(runtimes)('losses by row on $name', ({ runtime }) => {
  it('of elements, with gradients', () => {
    const shapes = { p: [batch, 2, 3], t: [batch, 2, 3] }
    const fractions = { t: Float32Array.from({ length: 18 }, (_, i) => [0, 1, 0.3][i % 3]!) }
    expectOperation(runtime, {
      shapes,
      apply: ({ p, t }) => ops.absoluteError(p!, t!),
      reference: ({ p, t }) => byRow(p!, t!, 6, (a, b) => elementLossReference.absolute(a, b, 0))
    })
    expectOperation(runtime, {
      shapes,
      apply: ({ p, t }) => ops.huberError(p!, t!, 0.7),
      reference: ({ p, t }) => byRow(p!, t!, 6, (a, b) => elementLossReference.huber(a, b, 0.7))
    })
    expectOperation(runtime, {
      shapes,
      values: fractions,
      apply: ({ p, t }) => ops.binaryCrossEntropy(p!, t!, 2),
      reference: ({ p, t }) => byRow(p!, t!, 6, (a, b) => elementLossReference.binaryCrossEntropy(a, b, 2))
    })
  })

  it('of classes: smoothed, ignored, and by probabilities, with gradients', () => {
    const labels = [2, -1, 0]
    const smoothing = 0.2
    expectOperation(runtime, {
      shapes: { logits: [batch, 4], labels: [batch] },
      integers: { labels },
      apply: ({ logits, labels }) => ops.softmaxCrossEntropy(logits!, labels!, { labelSmoothing: smoothing, ignoreIndex: -1 }),
      reference: ({ logits }) =>
        rowsOf(logits!, 4).map((row, r) => {
          if (labels[r] === -1) return 0
          const each = row.map((_, c) => crossEntropyReference(row, c))
          return (1 - smoothing) * each[labels[r]!]! + (smoothing * each.reduce((a, b) => a + b)) / 4
        })
    })
    expectOperation(runtime, {
      shapes: { logits: [batch, 4], target: [batch, 4] },
      values: { target: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0, 1, 0, 0, 0.5, 0, 0, 0.5) },
      apply: ({ logits, target }) => ops.softmaxCrossEntropy(logits!, target!),
      reference: ({ logits, target }) =>
        rowsOf(logits!, 4).map((row, r) => row.reduce((sum, _, c) => sum + target![r * 4 + c]! * crossEntropyReference(row, c), 0))
    })
  })
})

describe('losses by row', () => {
  const graph = new Graph()
  const p = graph.input('p', [batch, 3], 'float32')
  const t = graph.input('t', [batch, 2], 'float32')
  const labels = graph.input('labels', [batch], 'int32')

  it('refuse what does not fit', () => {
    expect(thrown(() => ops.absoluteError(p, t)).message).toMatchInlineSnapshot(
      `"ops.absoluteError: expected a target of the prediction's shape [batch, 3], got [batch, 2]"`
    )
    expect(thrown(() => ops.huberError(p, p, 0)).message).toMatchInlineSnapshot(
      `"ops.huberError: expected delta to be a finite number at least 1.1754943508222875e-38 and at most 3.4028234663852886e+38, got 0"`
    )
    expect(thrown(() => ops.binaryCrossEntropy(p, p, -1)).message).toMatchInlineSnapshot(
      `"ops.binaryCrossEntropy: expected positiveWeight to be a finite number at least 0 and at most 3.4028234663852886e+38, got -1"`
    )
    expect(thrown(() => ops.binaryCrossEntropy(p, labels)).message).toMatchInlineSnapshot(
      `"ops.binaryCrossEntropy: expected a value of type float32, got int32"`
    )
    expect(thrown(() => ops.softmaxCrossEntropy(p, t)).message).toMatchInlineSnapshot(
      `"softmaxCrossEntropy: expected probabilities of shape [batch, 3], got [batch, 2]"`
    )
    expect(thrown(() => ops.softmaxCrossEntropy(p, p, { ignoreIndex: 1 })).message).toMatchInlineSnapshot(
      `"ops.softmaxCrossEntropy: expected ignoreIndex with class numbers alone, got 1. Give such rows a weight of 0"`
    )
    expect(thrown(() => ops.softmaxCrossEntropy(p, labels, { labelSmoothing: 1.5 })).message).toMatchInlineSnapshot(
      `"ops.softmaxCrossEntropy: expected labelSmoothing to be a finite number at least 0 and at most 1, got 1.5"`
    )
    expect(thrown(() => ops.softmaxCrossEntropy(p, labels, { ignoreIndex: 2 ** 31 })).message).toMatchInlineSnapshot(
      `"ops.softmaxCrossEntropy: expected ignoreIndex to be an integer at least -2147483648 and at most 2147483647, got 2147483648"`
    )
  })
})
