import { describe, expect, it } from 'vitest'
import { Graph } from '../../lib/graph/graph.js'
import { max, mean, min, sum } from '../../lib/ops/index.js'
import type { ReduceOptions } from '../../lib/ops/reduce.js'
import { formatShape, type Shape } from '../../lib/shape.js'
import { thrown } from '../helpers/models.js'
import { batch, expectOperation, runOperation } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { reduceReference } from '../reference/reduce.js'

/** The terms of each output, by counting through the elements. */
function termsOf(x: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): number[][] {
  const terms = new Map<string, number[]>()
  for (let index = 0; index < x.length; index++) {
    let rest = index
    const place = [...shape.entries()].reverse().map(([axis, size]) => {
      const at = rest % size
      rest = Math.floor(rest / size)
      return axes.includes(axis) ? 0 : at
    })
    const key = place.join()
    if (!terms.has(key)) terms.set(key, [])
    terms.get(key)!.push(x[index]!)
  }
  return [...terms.values()]
}

const cases: readonly (readonly [Shape, number[] | undefined])[] = [
  [[batch, 5], undefined],
  [[batch, 5], [0]],
  [[batch, 5], [-1]],
  [[batch], [0]],
  [
    [batch, 4, 5],
    [0, 2]
  ],
  [[batch, 4, 5], [1]],
  [
    [2, batch, 3, 1, 2],
    [0, 2]
  ],
  [
    [2, batch, 3, 1, 2],
    [2, 4]
  ],
  [
    [2, 3, 2, 3, 2, 3],
    [0, 2, 4]
  ],
  [
    [2, 3, 2, 3, 2, 3],
    [1, 3, 5]
  ],
  [[batch, 1, 3], [1]],
  [
    [1, 1],
    [0, 1]
  ]
]

describe.each(runtimes)('ops.sum, mean, max and min on $name', ({ runtime }) => {
  it.each(cases)('%j over %j, with gradients', (shape, axes) => {
    const sizes = shape.map((size) => (typeof size === 'number' ? size : 3))
    const positions = (axes ?? [...shape.keys()]).map((axis) => (axis < 0 ? shape.length + axis : axis))
    for (const [name, operation] of Object.entries({ sum, mean, max, min })) {
      for (const keepDimensions of [false, true]) {
        const options: ReduceOptions = axes ? { axes, keepDimensions } : { keepDimensions }
        const { shape: result } = expectOperation(runtime, {
          shapes: { x: shape },
          apply: ({ x }) => operation(x!, options),
          reference: ({ x }) => termsOf(x!, sizes, positions).map(reduceReference[name as 'sum'])
        })
        const left = shape.flatMap((size, axis) => (!positions.includes(axis) ? [size] : keepDimensions ? [1] : []))
        expect(formatShape(result)).toBe(formatShape(left.length === 0 ? [1] : left))
      }
    }
  })

  it('shares the gradient of an extreme evenly by ties, over all reduced dimensions at once', () => {
    // Three runs of reduced dimensions are two kernel calls; the ties are counted over both.
    const shape = [2, 2, 2, 1, 2]
    const values = { x: Float32Array.of(5, 1, 2, 5, 0, 1, 2, 3, 5, 1, 0, 0, 0, 0, 0, 0) }
    for (const [operation, sign] of [
      [max, 1],
      [min, -1]
    ] as const) {
      const { y, gradients, weights } = runOperation(runtime, {
        shapes: { x: shape },
        values: { x: values.x.map((value) => sign * value) },
        apply: ({ x }) => operation(x!, { axes: [0, 2, 4] })
      })
      expect([...y]).toEqual([5 * sign, 3 * sign])
      const third = Math.fround(weights[0]! / 3)
      expect([...gradients.x!]).toEqual([third, 0, 0, third, 0, 0, 0, weights[1], third, 0, 0, 0, 0, 0, 0, 0])
    }
  })
})

describe('ops.sum', () => {
  const x = new Graph().input('x', [batch, 3], 'float32')

  it('refuses axes that are not there', () => {
    expect(thrown(() => sum(x, { axes: 2 })).message).toMatchInlineSnapshot(
      `"ops.sum: expected an axis from -2 to 1 for a value of shape [batch, 3], got 2"`
    )
    expect(thrown(() => sum(x, { axes: [1, -1] })).message).toMatchInlineSnapshot(`"ops.sum: expected each axis once, got [1, -1]"`)
    expect(thrown(() => sum(x, { axis: 1 } as object)).message).toMatchInlineSnapshot(
      `"ops.sum: expected only the options axes, keepDimensions, got 'axis'. Did you mean axes?"`
    )
    expect(thrown(() => sum(x, { axes: '1' as never })).message).toMatchInlineSnapshot(
      `"ops.sum: expected axes that are a number or a list of numbers, got '1'"`
    )
    expect(thrown(() => sum(x, { keepDimensions: 1 as never })).message).toMatchInlineSnapshot(
      `"ops.sum: expected true or false for keepDimensions, got 1"`
    )
  })

  it('refuses a number of terms that is a product of two symbols', () => {
    const both = new Graph().input('x', [batch, { constant: 0, terms: { time: 1 } }, 3], 'float32')
    expect(thrown(() => sum(both, { axes: [0, 1] })).message).toMatchInlineSnapshot(
      `"shape: expected at most one symbolic factor, got time · batch. Give one of the dimensions a fixed size"`
    )
  })
})
