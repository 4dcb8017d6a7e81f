import type { Operation, Value } from '../graph/graph.js'
import { elementCount } from '../shape.js'

const operation: Operation = {
  name: 'checkFinite',
  checks: true,
  infer: () => [],
  lower({ inputs: [x] }, lowering) {
    lowering.call('checkFinite', [x!], [elementCount(x!.shape)])
  }
}

/** Stops the step, before anything is written, when an element is NaN or infinite. */
export function checkFinite(x: Value): void {
  x.graph.apply(operation, [x], {})
}
