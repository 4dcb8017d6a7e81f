import type { Operation, Value } from '../graph/graph.js'

const operation: Operation = {
  name: 'stopGradient',
  view: true,
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  gradient: () => [null],
  lower() {}
}

/** x itself, through which no gradient flows. Nothing is copied. */
export function stopGradient(x: Value): Value {
  return x.graph.apply(operation, [x], {})[0]!
}
