import { describe, expect, it } from 'vitest'
import { Graph } from '../../lib/graph/graph.js'
import { matmul } from '../../lib/ops/index.js'
import { formatShape, type Shape } from '../../lib/shape.js'
import { thrown } from '../helpers/models.js'
import { batch, expectOperation } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { offsetOf, placesOf } from '../reference/moving.js'

/** Batch dimensions of a and b, and of the product. */
const cases: readonly (readonly [Shape, Shape, Shape])[] = [
  [[], [], []],
  [[batch], [], [batch]],
  [[], [batch], [batch]],
  [[batch], [batch], [batch]],
  [
    [batch, 2],
    [batch, 2],
    [batch, 2]
  ],
  [[batch, 2], [2], [batch, 2]],
  [
    [batch, 1, 2],
    [3, 1],
    [batch, 3, 2]
  ],
  [
    [2, 1, 2, 1],
    [1, 2, 1, 3],
    [2, 2, 2, 3]
  ],
  [
    [1, batch],
    [1, batch],
    [1, batch]
  ]
]
const [m, n, k] = [3, 4, 5]

describe.each(runtimes)('ops.matmul on $name', ({ runtime }) => {
  it.each(cases)('multiplies batches of %j and %j, with gradients', (batchA, batchB, expected) => {
    const sizes = (shape: Shape): number[] => shape.map((size) => (typeof size === 'number' ? size : 3))
    for (const [transposeA, transposeB] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true]
    ] as const) {
      const shapes = {
        a: [...batchA, ...(transposeA ? [k, m] : [m, k])],
        b: [...batchB, ...(transposeB ? [n, k] : [k, n])]
      }
      const at = (data: ArrayLike<number>, shape: Shape, place: readonly number[], swap: boolean): number => {
        const whole = sizes(shape)
        const own = swap ? [...place.slice(0, -2), place.at(-1)!, place.at(-2)!] : place
        return data[
          offsetOf(
            whole,
            own.slice(-whole.length).map((index, axis) => (whole[axis] === 1 ? 0 : index))
          )
        ]!
      }
      const { shape } = expectOperation(
        runtime,
        {
          shapes,
          apply: ({ a, b }) => matmul(a!, b!, { transposeA, transposeB }),
          reference: ({ a, b }) =>
            placesOf([...sizes(expected), m, n]).map((place) => {
              const outer = place.slice(0, -2)
              let sum = 0
              for (let step = 0; step < k; step++)
                sum +=
                  at(a!, shapes.a, [...outer, place.at(-2)!, step], transposeA) *
                  at(b!, shapes.b, [...outer, step, place.at(-1)!], transposeB)
              return sum
            })
        },
        5e-6
      )
      expect(formatShape(shape)).toBe(formatShape([...expected, m, n]))
    }
  })
})

describe('ops.matmul', () => {
  const graph = new Graph()
  const x = graph.input('x', [batch, 4, 6], 'float32')

  it('refuses operands that do not fit', () => {
    const refused = (shape: Shape, options?: object): string =>
      thrown(() => matmul(x, graph.input(`${graph.inputs.size}`, shape, 'float32'), options)).message
    expect(refused([batch, 5, 6])).toMatchInlineSnapshot(
      `"ops.matmul: expected a right operand whose inner size is that of [batch, 4, 6], got [batch, 5, 6]"`
    )
    expect(refused([5, 7])).toMatchInlineSnapshot(
      `"ops.matmul: expected a right operand whose inner size is that of [4·batch, 6], got [5, 7]"`
    )
    expect(refused([2, 6, 3])).toMatchInlineSnapshot(
      `"ops.matmul: expected batch dimensions that fit those of [batch, 4, 6], got [2, 6, 3]. A size of 1 fits any"`
    )
    expect(refused([6])).toMatchInlineSnapshot(`"ops.matmul: expected a right operand of at least two dimensions, got [6]"`)
    expect(refused([6, 3], { transposedB: true })).toMatchInlineSnapshot(
      `"ops.matmul: expected only the options transposeA, transposeB, got 'transposedB'. Did you mean transposeB?"`
    )
  })
})
