import { describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../lib/graph/graph.js'
import * as ops from '../../lib/ops/index.js'
import type { ValueOrNumber } from '../../lib/ops/operand.js'
import { formatShape, type Shape, symbol } from '../../lib/shape.js'
import { thrown } from '../helpers/models.js'
import { batch, expectOperation, runOperation } from '../helpers/operation.js'
import { testRandom } from '../helpers/random.js'
import { runtimes } from '../helpers/runtimes.js'
import { binaryReference, repeated, unaryReference } from '../reference/elementwise.js'

/** a, b and what they give. */
const shapes: readonly (readonly [Shape, Shape, string])[] = [
  [[batch, 5], [batch, 5], '[batch, 5]'],
  [[batch, 5], [5], '[batch, 5]'],
  [[5], [batch, 5], '[batch, 5]'],
  [[batch, 5], [batch, 1], '[batch, 5]'],
  [[batch, 1], [1, 4], '[batch, 4]'],
  [[1], [batch, 2, 3], '[batch, 2, 3]'],
  [[batch, 2, 1, 3], [4, 1], '[batch, 2, 4, 3]'],
  [[2, 1, 2, 1, 2, 1], [1, 3, 1, 3, 1, 3], '[2, 3, 2, 3, 2, 3]'],
  [[batch, 2, 3], [2, 3], '[batch, 2, 3]'],
  [[1, 1], [1], '[1, 1]'],
  [[], [batch], '[batch]']
]
const sizes = (shape: Shape): number[] => shape.map((size) => (typeof size === 'number' ? size : 3))
const count = (shape: Shape): number => sizes(shape).reduce((total, size) => total * size, 1)

type BinaryOperation = (a: ValueOrNumber, b: ValueOrNumber) => Value
const binary: Readonly<Record<string, BinaryOperation>> = {
  add: ops.add,
  subtract: ops.subtract,
  multiply: ops.multiply,
  divide: ops.divide,
  minimum: ops.minimum,
  maximum: ops.maximum
}
const unary: Readonly<Record<string, (x: Value) => Value>> = {
  negate: ops.negate,
  abs: ops.abs,
  square: ops.square,
  exp: ops.exp,
  expm1: ops.expm1,
  erf: ops.erf,
  softplus: ops.softplus,
  sqrt: ops.sqrt,
  log: ops.log,
  log1p: ops.log1p,
  gelu: ops.gelu,
  geluTanh: (x) => ops.gelu(x, { approximate: 'tanh' }),
  silu: ops.silu,
  elu: (x) => ops.elu(x, 1)
}
const comparisons: Readonly<Record<string, BinaryOperation>> = {
  equal: ops.equal,
  notEqual: ops.notEqual,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual
}
/** Away from 0, where quotients and their difference quotients are wild. */
const positive = (seed: number, shape: Shape): Float32Array => {
  const random = testRandom(seed)
  return Float32Array.from({ length: count(shape) }, () => 0.5 + 2 * random.uniform())
}

describe.each(runtimes)('element-wise operations on $name', ({ runtime }) => {
  it.each(Object.entries(binary))('ops.%s broadcasts, with gradients', (name, operation) => {
    for (const [a, b, expected] of shapes) {
      const out = [...(sizes(a).length > sizes(b).length ? sizes(a) : sizes(b))].map((_, axis, all) =>
        Math.max(sizes(a).at(axis - all.length) ?? 1, sizes(b).at(axis - all.length) ?? 1)
      )
      const { shape } = expectOperation(runtime, {
        shapes: { a, b },
        values: { a: positive(1, a), b: positive(2, b) },
        apply: (values) => operation(values.a!, values.b!),
        reference(values) {
          const right = repeated(values.b!, sizes(b), out)
          return repeated(values.a!, sizes(a), out).map((value, i) => binaryReference[name]!(value, right[i]!))
        }
      })
      expect(formatShape(shape)).toBe(expected)
    }
  })

  it.each(Object.entries(binary))('ops.%s takes a number on either side', (name, operation) => {
    for (const swap of [false, true]) {
      expectOperation(runtime, {
        shapes: { x: [batch, 5] },
        values: { x: positive(3, [batch, 5]) },
        apply: ({ x }) => (swap ? operation(1.7, x!) : operation(x!, 1.7)),
        reference: ({ x }) => Array.from(x!, (value) => (swap ? binaryReference[name]!(1.7, value) : binaryReference[name]!(value, 1.7)))
      })
    }
  })

  it.each(Object.entries(comparisons))('ops.%s gives 0 or 1 and no gradient', (name, operation) => {
    const { y, operands, gradients } = runOperation(runtime, {
      shapes: { a: [batch, 4], b: [4] },
      values: { a: Float32Array.of(1, 2, 3, 4, 4, 3, 2, 1, 1, 1, 1, 1), b: Float32Array.of(1, 2, 2, 4) },
      // A part with a gradient, as nothing would be differentiated else.
      apply: ({ a, b }) => ops.add(operation(a!, b!), ops.multiply(ops.add(a!, b!), 0))
    })
    const [a, b] = [operands.a!, operands.b!]
    expect([...y]).toEqual(Array.from(a, (value, i) => binaryReference[name]!(value, b[i % 4]!)))
    expect([...gradients.a!].every((value) => value === 0)).toBe(true)
  })

  it('ops.less and ops.lessEqual are the others turned round', () => {
    for (const [operation, same] of [
      [ops.less, 0],
      [ops.lessEqual, 1]
    ] as const) {
      const { y } = runOperation(runtime, {
        shapes: { a: [3], b: [3] },
        values: { a: Float32Array.of(1, 2, 3), b: Float32Array.of(2, 2, 2) },
        apply: ({ a, b }) => operation(a!, b!)
      })
      expect([...y]).toEqual([1, same, 0])
    }
  })

  it('ops.minimum and ops.maximum share the gradient of equal operands, and keep infinite gradients where they belong', () => {
    const values = { a: Float32Array.of(1, 2, 3, Number.NaN), b: Float32Array.of(2, 2, 2, 2) }
    for (const [operation, ofA] of [
      [ops.maximum, [0, 0.5, 1, 1]],
      [ops.minimum, [1, 0.5, 0, 1]]
    ] as const) {
      const { gradients, weights } = runOperation(runtime, { shapes: { a: [4], b: [4] }, values, apply: ({ a, b }) => operation(a!, b!) })
      expect([...gradients.a!]).toEqual(ofA.map((share, i) => Math.fround(share * weights[i]!)))
      expect([...gradients.b!]).toEqual(ofA.map((share, i) => Math.fround((i === 3 ? 1 : 1 - share) * weights[i]!)))
    }
    const { gradients, weights } = runOperation(runtime, {
      shapes: { x: [3] },
      values: { x: Float32Array.of(0, 1, 5) },
      apply: ({ x }) => ops.sqrt(ops.maximum(ops.subtract(x!, 1), 0))
    })
    expect([...gradients.x!]).toEqual([0, weights[1]! * Number.POSITIVE_INFINITY, weights[2]! / 4])
  })

  it.each(Object.entries(unary))('ops.%s, with gradient', (name, operation) => {
    const values = ['sqrt', 'log', 'log1p'].includes(name) ? { values: { x: positive(4, [batch, 7]) } } : {}
    expectOperation(runtime, {
      shapes: { x: [batch, 7] },
      ...values,
      apply: ({ x }) => operation(x!),
      reference: ({ x }) => Array.from(x!, (value) => unaryReference[name]!(value))
    })
  })

  it('ops.elu with an alpha, and ops.selu, with gradients', () => {
    const alpha = 0.3
    expectOperation(runtime, {
      shapes: { x: [batch, 7] },
      apply: ({ x }) => ops.elu(x!, alpha),
      reference: ({ x }) => Array.from(x!, (value) => unaryReference.elu!(value, alpha))
    })
    expectOperation(runtime, {
      shapes: { x: [batch, 7] },
      apply: ({ x }) => ops.selu(x!),
      reference: ({ x }) => Array.from(x!, (value) => 1.0507009873554805 * unaryReference.elu!(value, 1.6732632423543772))
    })
  })

  it('ops.where chooses and broadcasts, with gradients', () => {
    const condition = Float32Array.of(1, 0, 1)
    for (const [a, b] of [
      [[batch, 4], [4]],
      [
        [batch, 1],
        [batch, 4]
      ],
      [[1], [batch, 4]]
    ] as [Shape, Shape][]) {
      const { gradients } = expectOperation(runtime, {
        shapes: { a, b, condition: [batch, 1] },
        values: { condition },
        apply: (values) => ops.where(values.condition!, values.a!, values.b!),
        reference(values) {
          const right = repeated(values.b!, sizes(b), [3, 4])
          return repeated(values.a!, sizes(a), [3, 4]).map((value, i) => (condition[Math.floor(i / 4)] ? value : right[i]!))
        }
      })
      expect(Object.keys(gradients)).toEqual(['a', 'b'])
    }
  })

  it('ops.where keeps NaN and infinite gradients out of what is not chosen', () => {
    const { y, gradients, weights } = runOperation(runtime, {
      shapes: { x: [3] },
      values: { x: Float32Array.of(-1, 0, 4) },
      apply: ({ x }) => {
        const safe = ops.where(ops.greater(x!, 0), x!, 1)
        return ops.where(ops.greater(x!, 0), ops.log(safe), -5)
      }
    })
    expect([...y.subarray(0, 2)]).toEqual([-5, -5])
    expect([...gradients.x!]).toEqual([0, 0, weights[2]! / 4])
  })

  it('ops.stopGradient passes the numbers on and no gradient', () => {
    const { y, gradients, weights } = runOperation(runtime, {
      shapes: { x: [batch, 2] },
      values: { x: Float32Array.of(1, 2, 3, 4, 5, 6) },
      apply: ({ x }) => ops.multiply(ops.stopGradient(x!), x!)
    })
    expect([...y]).toEqual([1, 4, 9, 16, 25, 36])
    expect([...gradients.x!]).toEqual(Array.from(weights, (weight, i) => Math.fround(weight * (i + 1))))
  })

  it('never writes over an operand that is read again', () => {
    // [2] and [2, 2] round up to the same bytes of scratch: a plan that looked at bytes alone would put one over the other.
    const { y } = runOperation(runtime, {
      shapes: { x: [2], z: [2, 2] },
      values: { x: Float32Array.of(2, 3), z: Float32Array.of(1, 2, 3, 4) },
      apply: ({ x, z }) => ops.subtract(ops.square(x!), ops.square(z!))
    })
    expect([...y]).toEqual([3, 5, -5, -7])
  })
})

describe('element-wise operations', () => {
  const graph = new Graph()
  const x = graph.input('x', [batch, 3], 'float32')

  it('refuse what does not fit, in words', () => {
    const message = (body: () => unknown): string => thrown(body).message
    const four = graph.input('four', [batch, 4], 'float32')
    expect(message(() => ops.add(x, four))).toMatchInlineSnapshot(
      `"ops.add: expected shapes that broadcast: aligned at their ends, sizes equal or 1, got [batch, 3] and [batch, 4]"`
    )
    expect(message(() => graph.labelled('0', () => ops.multiply(x, four)))).toMatchInlineSnapshot(
      `"ops.multiply in layer '0': expected shapes that broadcast: aligned at their ends, sizes equal or 1, got [batch, 3] and [batch, 4]"`
    )
    expect(message(() => ops.where(x, four, 1))).toMatchInlineSnapshot(
      `"ops.where: expected shapes that broadcast: aligned at their ends, sizes equal or 1, got [batch, 3] and [batch, 4]"`
    )
    expect(message(() => ops.add(1, 2))).toMatchInlineSnapshot(`"ops.add: expected at least one value among its operands, got 2"`)
    expect(message(() => ops.add(x, '1' as never))).toMatchInlineSnapshot(`"ops.add: expected a value or a number, got '1'"`)
    expect(message(() => ops.exp(1 as never))).toMatchInlineSnapshot(`"ops.exp: expected a value, got 1"`)
    expect(message(() => ops.divide(x, 1e39))).toMatchInlineSnapshot(`"ops.divide: expected a number that float32 can hold, got 1e+39"`)
    expect(message(() => ops.divide(x, 1e-50))).toMatchInlineSnapshot(`"ops.divide: expected a number that float32 can hold, got 1e-50"`)
    expect(message(() => ops.elu(x, -1))).toMatchInlineSnapshot(`"ops.elu: expected an alpha of at least 0, got -1"`)
    expect(message(() => ops.gelu(x, { approximate: 'sigmoid' as never }))).toMatchInlineSnapshot(
      `"ops.gelu: expected approximate to be 'none' or 'tanh', got 'sigmoid'"`
    )
    expect(message(() => ops.exp(graph.input('labels', [batch], 'int32')))).toMatchInlineSnapshot(
      `"ops.exp: expected a value of type float32, got int32"`
    )
    expect(message(() => ops.add(x, new Graph().input('x', [1], 'float32')))).toMatchInlineSnapshot(
      `"ops.add: expected values of one model, got values of two"`
    )
    expect(
      message(() => ops.add(graph.input('t', [symbol('time'), 1], 'float32'), graph.input('b', [batch], 'float32')))
    ).toMatchInlineSnapshot(`"shape: expected at most one symbolic factor, got time · batch. Give one of the dimensions a fixed size"`)
  })

  it('take at most six turns of repeated dimensions', () => {
    const [a, b] = [graph.input('a', [2, 1, 2, 1, 2, 1, 2], 'float32'), graph.input('other', [1, 3, 1, 3, 1, 3, 1], 'float32')]
    expect(thrown(() => ops.add(a, b)).message).toMatchInlineSnapshot(
      `"ops.add: expected shapes whose repeated and own dimensions alternate at most 6 times, got 7 of [2, 1, 2, 1, 2, 1, 2] and [1, 3, 1, 3, 1, 3, 1]. Repeat one of them in two steps"`
    )
    expect(formatShape(ops.add(graph.input('c', [2, 2, 2, 2, 2, 2, 2, 2], 'float32'), 1).shape)).toBe('[2, 2, 2, 2, 2, 2, 2, 2]')
  })

  it('leave a bias to the kernel that a matmul takes along', () => {
    const bias = graph.parameter('bias', [3])
    const names = [ops.add(x, bias), ops.add(bias, x)].map(({ source }) => source.kind === 'node' && source.node.operation.name)
    expect(names).toEqual(['addBias', 'addBias'])
  })
})
