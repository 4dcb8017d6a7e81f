import type { Operation, Value } from '../graph/graph.js'
import { rowsAndColumns } from './types.js'

const operation: Operation<{ readonly rowSums: boolean }> = {
  name: 'checkFractions',
  checks: true,
  infer: () => [],
  lower({ inputs: [x], attributes }, lowering) {
    lowering.call('checkFractions', [x!], rowsAndColumns(x!.shape), [attributes.rowSums ? 1 : 0])
  }
}

/** Stops the step, before anything is written, when an element is not in 0 … 1 or, with `rowSums`, a row's sum is not 1 within 0.01. */
export function checkFractions(x: Value, { rowSums }: { readonly rowSums: boolean }): void {
  x.graph.apply(operation, [x], { rowSums })
}
