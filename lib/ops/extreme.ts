import type { Operation, Value } from '../graph/graph.js'
import { equal } from './comparisons.js'
import { divide } from './divide.js'
import { lowerReduce, type ReduceAttributes } from './reduce.js'
import { sum } from './sum.js'
import { where } from './where.js'

/** inputs: x; outputs: the largest or smallest elements, dimensions kept with size 1 */
export const extremeOperation: Operation<ReduceAttributes> = {
  name: 'extreme',
  infer: (_inputs, { stages }) => [{ shape: stages.at(-1)!.shape, dtype: 'float32' }],
  gradient({ inputs: [x], outputs: [y], attributes }, [upstream]) {
    const { shape } = attributes as ReduceAttributes
    const chosen = equal(x!, y!)
    const axes = [...shape.keys()].filter((axis) => y!.shape[axis] === 1)
    const ties: Value = axes.length === 0 ? chosen : sum(chosen, { axes, keepDimensions: true })
    return [where(chosen, divide(upstream!, ties), 0)]
  },
  lower: lowerReduce
}
