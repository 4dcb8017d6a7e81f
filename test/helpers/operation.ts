import { expect } from 'vitest'
import { differentiate } from '../../lib/graph/differentiate.js'
import { Graph, type Value } from '../../lib/graph/graph.js'
import { planStages } from '../../lib/graph/plan.js'
import type { DType, TypedArray } from '../../lib/kernels/types.js'
import { add } from '../../lib/ops/add.js'
import { copy } from '../../lib/ops/copy.js'
import { fill } from '../../lib/ops/fill.js'
import { matmul } from '../../lib/ops/matmul.js'
import { reshape } from '../../lib/ops/reshape.js'
import type { Runtime } from '../../lib/runtime/runtime.js'
import { elementCount, evaluateDimension, type Shape, symbol } from '../../lib/shape.js'
import { finish } from '../../lib/sliced.js'
import { ProgramRunner, type StepOutcome } from './program-runner.js'
import { testRandom } from './random.js'

/** The batch, as a size of an operand's shape. */
export const batch = symbol('batch')

export interface OperationCase {
  /** The operands' shapes, `batch` among the sizes; of int32 where `integers` has their numbers. */
  readonly shapes: Readonly<Record<string, Shape>>
  readonly integers?: Readonly<Record<string, readonly number[]>>
  /** Float32 operands; normal numbers unless given. */
  readonly values?: Readonly<Record<string, Float32Array>>
  /** How many rows `batch` stands for; the Program is planned for more. */
  readonly rows?: number
  /** The operation under test. */
  apply(operands: Readonly<Record<string, Value>>): Value
  /** The same in float64. */
  reference?(operands: Readonly<Record<string, Float64Array>>): ArrayLike<number>
}

export interface OperationResult extends Omit<StepOutcome, 'outputs' | 'reports'> {
  readonly y: Float32Array
  readonly shape: Shape
  /** Of Σ weights · y, by operand. */
  readonly gradients: Readonly<Record<string, Float32Array>>
  readonly operands: Readonly<Record<string, TypedArray>>
  readonly weights: Float32Array
}

/** Runs an operation and the gradient of Σ weights · y in one Program, as a training step does. */
export function runOperation(runtime: Runtime, test: OperationCase): OperationResult {
  const rows = test.rows ?? 3
  const graph = new Graph()
  const random = testRandom(91)
  const operands: Record<string, TypedArray> = {}
  const values: Record<string, Value> = {}
  for (const [name, shape] of Object.entries(test.shapes)) {
    const count = evaluateDimension(elementCount(shape), { batch: rows })
    const integers = test.integers?.[name]
    const dtype: DType = integers ? 'int32' : 'float32'
    operands[name] = integers ? Int32Array.from(integers) : (test.values?.[name] ?? random.array(count))
    expect(operands[name].length, name).toBe(count)
    // Flat in memory: rows of an input hold a fixed number of elements, these shapes need not.
    values[name] = reshape(graph.input(name, [elementCount(shape)], dtype), shape)
  }
  const y = test.apply(values)
  const count = elementCount(y.shape)
  const weighted = graph.input('weights', [count], 'float32')
  const weights = random.array(evaluateDimension(count, { batch: rows }))
  const loss = reshape(matmul(reshape(y, [1, count]), reshape(weighted, [count, 1])), [1])
  const differentiable = Object.keys(values).filter((name) => values[name]!.dtype === 'float32')
  const gradients = differentiate(
    graph,
    loss,
    differentiable.map((name) => values[name]!),
    { one: (target) => fill(target, [1], 1), sum: add }
  )
  const outputs: Record<string, Value> = { 'output y': copy(reshape(y, [count])) }
  for (const name of differentiable) {
    const gradient = gradients.get(values[name]!)
    if (gradient) outputs[`d ${name}`] = copy(reshape(gradient, [elementCount(gradient.shape)]))
  }
  const program = finish(
    planStages({ graph, symbols: [{ name: 'batch', maximum: rows + 2 }], regions: [], given: new Map(), outputs, slots: ['step'] })
  )
  const runner = new ProgramRunner(runtime, program)
  try {
    const { result, outputs: given } = runner.step({ ...operands, weights }, rows)
    return {
      result,
      y: given['output y'] as Float32Array,
      shape: y.shape,
      gradients: Object.fromEntries(
        differentiable.flatMap((name) => (given[`d ${name}`] ? [[name, given[`d ${name}`] as Float32Array]] : []))
      ),
      operands,
      weights
    }
  } finally {
    runner.dispose()
  }
}

/**
 * Holds the result against the reference within `tolerance` · (1 + |expected|), and every gradient against central
 * differences of the reference in float64.
 */
export function expectOperation(runtime: Runtime, test: OperationCase, tolerance = 2e-6): OperationResult {
  const outcome = runOperation(runtime, test)
  const { y, gradients, operands, weights } = outcome
  expect(outcome.result.status).toBe(0)
  const wide = Object.fromEntries(Object.entries(operands).map(([name, data]) => [name, Float64Array.from(data)]))
  const expected = test.reference!(wide)
  expect(y.length).toBe(expected.length)
  for (let i = 0; i < y.length; i++) expectNear(y[i]!, expected[i]!, tolerance, `y[${i}]`)
  const loss = (): number => {
    const result = test.reference!(wide)
    let sum = 0
    for (let i = 0; i < weights.length; i++) sum += weights[i]! * result[i]!
    return sum
  }
  for (const [name, gradient] of Object.entries(gradients)) {
    const numbers = wide[name]!
    for (let i = 0; i < numbers.length; i += Math.max(1, Math.floor(numbers.length / 23))) {
      const step = 1e-4
      const at = numbers[i]!
      numbers[i] = at + step
      const above = loss()
      numbers[i] = at - step
      const below = loss()
      numbers[i] = at
      // The difference quotient is off by step² · f‴ / 6 and by 2⁻⁵² · |f| / step.
      expectNear(gradient[i]!, (above - below) / (2 * step), Math.max(tolerance, 1e-6) * 10, `gradient of ${name}[${i}]`)
    }
  }
  return outcome
}

function expectNear(actual: number, expected: number, tolerance: number, what: string): void {
  if (Math.abs(actual - expected) <= tolerance * (1 + Math.abs(expected))) return
  expect(actual, `${what}, within ${tolerance} of ${expected}`).toBe(expected)
}
