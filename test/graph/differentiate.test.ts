import { describe, expect, it } from 'vitest'
import { differentiate } from '../../lib/graph/differentiate.js'
import { Graph, type Value } from '../../lib/graph/graph.js'
import { add } from '../../lib/ops/add.js'
import { fill } from '../../lib/ops/fill.js'
import { matmul, mean, relu, reshape } from '../../lib/ops/index.js'
import { formatShape, symbol } from '../../lib/shape.js'

const operations = { one: (graph: Graph) => fill(graph, [1], 1), sum: add }

function names(value: Value): string {
  if (value.source.kind !== 'node') return value.source.name
  const { operation, inputs } = value.source.node
  return `${operation.name}(${inputs.map((input) => (input ? names(input) : '-')).join(', ')})`
}

describe('differentiate', () => {
  it('walks back through what the loss depends on', () => {
    const graph = new Graph()
    const x = graph.input('x', [symbol('batch'), 3], 'float32')
    const w = graph.parameter('w', [4, 3])
    const unused = graph.parameter('unused', [2])
    const loss = mean(relu(matmul(x, w, { transposeB: true })))
    const gradients = differentiate(graph, loss, [w, unused], operations)
    expect([...gradients.keys()]).toEqual([w])
    expect(formatShape(gradients.get(w)!.shape)).toBe('[4, 3]')
    expect(names(gradients.get(w)!)).toMatchInlineSnapshot(
      `"matmul(activationBackward(reduceBackward(reshape(fill())), activation(matmul(x, w, -, -, -))), x, -, -, -)"`
    )
  })

  it('sums what arrives on several ways', () => {
    const graph = new Graph()
    const w = graph.parameter('w', [4])
    const gradients = differentiate(graph, mean(add(w, w)), [w], operations)
    expect(names(gradients.get(w)!)).toBe('add(reduceBackward(fill()), reduceBackward(fill()))')
  })

  it('does not compute what nobody asked for', () => {
    const graph = new Graph()
    const x = graph.input('x', [symbol('batch'), 3], 'float32')
    const first = graph.parameter('first', [4, 3])
    const second = graph.parameter('second', [2, 4])
    const loss = mean(matmul(matmul(x, first, { transposeB: true }), second, { transposeB: true }))
    const before = graph.nodes.length
    differentiate(graph, loss, [second], operations)
    expect(graph.nodes.slice(before).map(({ operation }) => operation.name)).toEqual(['fill', 'reshape', 'reduceBackward', 'matmul'])
  })

  it('gives gradients the shape before a reshape', () => {
    const graph = new Graph()
    const w = graph.parameter('w', [4, 3])
    const gradients = differentiate(graph, mean(reshape(w, [12])), [w], operations)
    expect(formatShape(gradients.get(w)!.shape)).toBe('[4, 3]')
  })

  it('refuses a loss that is not one number', () => {
    const graph = new Graph()
    const w = graph.parameter('w', [4])
    expect(() => differentiate(graph, w, [w], operations)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: differentiate: expected a loss of shape [1], got [4]. Take its mean first]`
    )
  })
})
