import { describe, expect, it } from 'vitest'
import { Graph } from '../../lib/graph/graph.js'
import { Status } from '../../lib/kernels/types.js'
import { concat, gather, oneHot, reshape, slice, split, stack, sum, transpose } from '../../lib/ops/index.js'
import { formatShape, type Shape } from '../../lib/shape.js'
import { thrown } from '../helpers/models.js'
import { batch, expectOperation, runOperation } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { moved } from '../reference/moving.js'

/** With `batch` = 3. */
const sizes = (shape: Shape): number[] => shape.map((size) => (typeof size === 'number' ? size : size.constant + 3 * size.terms.batch!))
const twice = { constant: 1, terms: { batch: 2 } }

describe.each(runtimes)('moving elements on $name', ({ runtime }) => {
  it.each<[Shape, number[] | undefined]>([
    [[batch, 5], undefined],
    [
      [batch, 1, 5],
      [2, 1, 0]
    ],
    [
      [batch, 4, 2, 6],
      [0, 2, 1, 3]
    ],
    [
      [batch, 4, 2, 6],
      [0, 1, 3, 2]
    ],
    [
      [2, 3, batch, 2, 3, 2],
      [4, 2, 0, 5, 3, 1]
    ],
    [
      [2, 3, 1, 2, 3, 2, 2, batch],
      [4, 5, 2, 0, 1, 6, 7, 3]
    ],
    [
      [batch, 1, 4],
      [1, 0, -1]
    ],
    [[], []]
  ])('transposes %j by %j', (shape, permutation) => {
    const order = (permutation ?? [...shape.keys()].reverse()).map((axis) => (axis + shape.length) % shape.length)
    const { shape: result } = expectOperation(runtime, {
      shapes: { x: shape },
      apply: ({ x }) => transpose(x!, permutation),
      reference: ({ x }) =>
        moved(
          x!,
          sizes(shape),
          order.map((axis) => sizes(shape)[axis]!),
          (place) => shape.map((_, axis) => place[order.indexOf(axis)]!)
        )
    })
    expect(formatShape(result)).toBe(formatShape(order.map((axis) => shape[axis]!)))
  })

  it('slices blocks, to the end where no size is given, of the batch too', () => {
    const slices: [Shape, number[], (number | typeof batch)[], Shape][] = [
      [
        [batch, 5, 4],
        [0, 1, 2],
        [batch, 3, 2],
        [batch, 3, 2]
      ],
      [[batch, 5, 4], [0, 4], [], [batch, 1, 4]],
      [
        [batch, 5],
        [0, 0],
        [-1, 2],
        [batch, 2]
      ],
      [[batch, 5], [1], [], [{ constant: -1, terms: { batch: 1 } }, 5]],
      [[batch, 5], [1], [1], [1, 5]],
      [[twice, 2], [3], [batch], [batch, 2]],
      [[4], [4], [], [0]]
    ]
    for (const [shape, begin, size, expected] of slices) {
      const { shape: result } = expectOperation(runtime, {
        shapes: { x: shape },
        apply: ({ x }) => slice(x!, begin, size),
        reference: ({ x }) => moved(x!, sizes(shape), sizes(expected), (place) => place.map((at, axis) => at + (begin[axis] ?? 0)))
      })
      expect(formatShape(result)).toBe(formatShape(expected))
    }
  })

  it('puts values behind one another, and takes them apart', () => {
    const shapes = { a: [batch, 2, 3], b: [batch, 4, 3], c: [batch, 2, 3] }
    const { shape } = expectOperation(runtime, {
      shapes,
      apply: ({ a, b, c }) => concat([a!, b!, c!, a!], 1),
      reference: ({ a, b, c }) =>
        moved([...a!, ...b!, ...c!], [30, 1], [3, 10, 3], ([row, at, column]) => {
          const [start, length, offset] = at! < 2 || at! > 7 ? [0, 2, at! % 8] : at! < 6 ? [18, 4, at! - 2] : [54, 2, at! - 6]
          return [start + (row! * length + offset) * 3 + column!, 0]
        })
    })
    expect(formatShape(shape)).toBe('[batch, 10, 3]')
    expectOperation(runtime, {
      shapes: { a: [batch, 2], b: [twice, 2] },
      apply: ({ a, b }) => concat([a!, b!], 0),
      reference: ({ a, b }) => [...a!, ...b!]
    })
    const stacked = expectOperation(runtime, {
      shapes: { a: [batch, 2], b: [batch, 2] },
      apply: ({ a, b }) => stack([a!, b!], -1),
      reference: ({ a, b }) => Array.from(a!).flatMap((value, index) => [value, b![index]!])
    })
    expect(formatShape(stacked.shape)).toBe('[batch, 2, 2]')
    // A transposed order of the parts, with sums so that they differ.
    expectOperation(runtime, {
      shapes: { x: [batch, 6] },
      apply: ({ x }) => {
        const [first, second, third] = split(x!, 3)
        const [, rest] = split(x!, [1, 5])
        return concat([third!, first!, second!, sum(rest!, { axes: 1, keepDimensions: true })])
      },
      reference: ({ x }) =>
        [0, 1, 2].flatMap((row) => {
          const at = (column: number): number => x![row * 6 + column]!
          return [at(4), at(5), at(0), at(1), at(2), at(3), at(1) + at(2) + at(3) + at(4) + at(5)]
        })
    })
  })

  it('gathers along an axis, and adds up what came from one place', () => {
    for (const [axis, expected] of [
      [0, '[2, batch, 4, 2]'],
      [1, '[5, 2, batch, 2]'],
      [-1, '[5, 4, 2, batch]']
    ] as const) {
      const position = axis < 0 ? 2 : axis
      const picks = [1, 0, 1, 1, 0, 1]
      const shape = [5, 4, 2]
      const { shape: result } = expectOperation(runtime, {
        shapes: { x: shape, indices: [2, batch] },
        integers: { indices: picks },
        apply: ({ x, indices }) => gather(x!, indices!, axis),
        reference: ({ x }) =>
          moved(x!, shape, shape.toSpliced(position, 1, 2, 3), (place) =>
            place.toSpliced(position, 2, picks[place[position]! * 3 + place[position + 1]!]!)
          )
      })
      expect(formatShape(result)).toBe(expected)
    }
    const numbers = expectOperation(runtime, {
      shapes: { indices: [batch, 2] },
      integers: { indices: [0, 2, 1, 1, 2, 0] },
      apply: ({ indices }) => oneHot(indices!, 3),
      reference: () => [1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]
    })
    expect(formatShape(numbers.shape)).toBe('[batch, 2, 3]')
  })

  it('stops at an index that is out of range', () => {
    const outcome = runOperation(runtime, {
      shapes: { x: [4, 2], indices: [batch] },
      integers: { indices: [0, 3, 4] },
      apply: ({ x, indices }) => gather(x!, indices!)
    })
    expect(outcome.result).toMatchObject({ completed: 0, status: Status.labelOutOfRange, detail: 2 })
  })

  it('infers one size of a reshape', () => {
    for (const [from, to, expected] of [
      [[batch, 4, 6], [-1, 6], '[4·batch, 6]'],
      [[batch, 4, 6], [batch, -1], '[batch, 24]'],
      [[twice, 4], [-1], '[8·batch + 4]'],
      [[twice, 4], [2, -1, 2], '[2, 2·batch + 1, 2]'],
      [[6, 4], [3, -1], '[3, 8]']
    ] as [Shape, Shape, string][]) {
      const { shape } = expectOperation(runtime, { shapes: { x: from }, apply: ({ x }) => reshape(x!, to), reference: ({ x }) => x! })
      expect(formatShape(shape)).toBe(expected)
    }
  })
})

describe('operations that move elements', () => {
  const graph = new Graph()
  const x = graph.input('x', [batch, 6], 'float32')
  const labels = graph.input('labels', [batch], 'int32')

  it.each<[string, () => unknown]>([
    ['a permutation that names a dimension twice', () => transpose(x, [0, 0])],
    ['a permutation of too few', () => transpose(x, [0])],
    ['a permutation that is no list', () => transpose(x, 1 as never)],
    ['a dimension that is not there', () => transpose(x, [0, 2])],
    ['a block beyond the end', () => slice(x, [0, 4], [batch, 3])],
    ['a block with a fraction', () => slice(x, [0, 0.5])],
    ['more numbers than dimensions', () => slice(x, [0, 0, 0])],
    ['values that do not fit', () => concat([x, graph.input('z', [batch, 6, 1], 'float32')], 0)],
    ['values of another size', () => concat([x, graph.input('w', [2, 3], 'float32')], 1)],
    ['no values', () => concat([])],
    ['values of several shapes', () => stack([x, graph.input('v', [batch, 5], 'float32')])],
    ['parts that do not divide', () => split(x, 4)],
    ['sizes that do not add up', () => split(x, [1, 2])],
    ['indices that are no integers', () => gather(x, x)],
    ['an axis that is not there', () => gather(x, labels, 2)],
    ['numbers of classes below 1', () => oneHot(labels, 0)],
    ['integers where floats are meant', () => transpose(labels)],
    ['an inferred size that is not whole', () => reshape(x, [-1, 4])],
    ['two inferred sizes', () => reshape(x, [-1, -1])],
    ['another number of elements', () => reshape(x, [batch, 5])]
  ])('refuse %s', (_what, act) => {
    const error = thrown(act)
    expect(`${error.constructor.name}: ${error.message}`).toMatchSnapshot()
  })
})
