import { describe, expect, it } from 'vitest'
import { Graph } from '../../lib/graph/graph.js'
import { logSoftmax, softmax } from '../../lib/ops/index.js'
import { thrown } from '../helpers/models.js'
import { batch, expectOperation } from '../helpers/operation.js'
import { runtimes } from '../helpers/runtimes.js'
import { offsetOf, placesOf } from '../reference/moving.js'
import { logSoftmaxReference } from '../reference/softmax.js'

describe.each(runtimes)('ops.softmax on $name', ({ runtime }) => {
  it.each([0, 1, 2, -1, -2])('along axis %i, with gradients', (axis) => {
    const shape = [3, 4, 5]
    const position = (axis + 3) % 3
    for (const [operation, finish] of [
      [softmax, Math.exp],
      [logSoftmax, (value: number) => value]
    ] as const)
      expectOperation(runtime, {
        shapes: { x: [batch, 4, 5] },
        apply: ({ x }) => operation(x!, axis),
        reference: ({ x }) => {
          const y = new Float64Array(60)
          for (const place of placesOf(shape.with(position, 1))) {
            const at = Array.from({ length: shape[position]! }, (_, k) => offsetOf(shape, place.with(position, k)))
            const row = logSoftmaxReference(at.map((offset) => x![offset]!))
            for (const [k, offset] of at.entries()) y[offset] = finish(row[k]!)
          }
          return y
        }
      })
  })

  it('refuses an axis that is not there', () => {
    const x = new Graph().input('x', [batch, 3], 'float32')
    expect(thrown(() => softmax(x, 2)).message).toBe('ops.softmax: expected an axis from -2 to 1 for a value of shape [batch, 3], got 2')
  })
})
