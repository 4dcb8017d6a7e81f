import type { Cancellation } from '../data/lock.js'
import type { RowSource } from '../data/rows.js'
import { finish } from '../sliced.js'
import { assertPredicted } from './failure-error.js'
import { binding, type Predicting, rowElements } from './predict.js'

/** Rows that a new block has memory for; it doubles as they come. */
const firstRows = 64

/** Rows that are predicted together, in memory that may be read off this thread, and their outputs. */
export class RowBlock {
  readonly #target: Predicting
  readonly #most: number
  readonly #inputElements: readonly number[]
  readonly #outputElements: readonly number[]
  #capacity = 0
  /** Row after row, an array an input. */
  inputs: readonly (Float32Array | Int32Array)[] = []
  outputs: readonly Float32Array[] = []
  rows = 0
  /** Number of the first row among all that the caller gives, for messages. */
  first = 0

  /** @param most rows that it may hold */
  constructor(target: Predicting, most: number) {
    this.#target = target
    this.#most = most
    this.#inputElements = rowElements(target.inputs)
    this.#outputElements = rowElements(target.outputs)
  }

  get full(): boolean {
    return this.rows === this.#most
  }

  /** Rows that still go in. */
  get room(): number {
    return this.#most - this.rows
  }

  /** The rows as sources, for messages; rows count from `first`. */
  sources(): readonly Pick<RowSource, 'name' | 'data' | 'rowElements'>[] {
    return this.#target.inputs.map(({ name }, index) => ({ name, data: this.inputs[index]!, rowElements: this.#inputElements[index]! }))
  }

  /** Makes sure of memory for `rows` more, at most `room`. */
  reserve(rows: number): void {
    const needed = this.rows + rows
    if (needed <= this.#capacity) return
    const { runtime, inputs } = this.#target
    const capacity = Math.min(this.#most, Math.max(firstRows, needed, 2 * this.rows))
    this.inputs = inputs.map(({ dtype }, index) => {
      const elements = this.#inputElements[index]!
      const memory = runtime.allocate(Math.max(64, capacity * elements * 4)) as ArrayBuffer
      const array = dtype === 'int32' ? new Int32Array(memory, 0, capacity * elements) : new Float32Array(memory, 0, capacity * elements)
      if (this.rows > 0) array.set(this.inputs[index]!.subarray(0, this.rows * elements))
      return array
    })
    this.outputs = this.#outputElements.map((elements) => {
      const memory = runtime.allocate(Math.max(64, capacity * elements * 4)) as ArrayBuffer
      return new Float32Array(memory, 0, capacity * elements)
    })
    this.#capacity = capacity
  }
}

/**
 * Predicts the rows of the block into its output, with nobody writing meanwhile; inside an operation of the gate.
 * False where it was cancelled.
 */
export async function predictBlock(target: Predicting, owner: string, block: RowBlock, cancellation: Cancellation): Promise<boolean> {
  const { gate } = target
  const cross = () => crossBlock(target, owner, block, cancellation)
  const read = async () => {
    const settling = target.settle(owner, undefined)
    if (settling) await settling
    return await gate.readingTurn(owner, cross, cancellation)
  }
  return (await gate.reading(owner, read, cancellation)) ?? false
}

async function crossBlock(target: Predicting, owner: string, block: RowBlock, cancellation: Cancellation): Promise<boolean> {
  const { rows, inputs, outputs } = block
  const { executor, program } = finish(target.plan(rows, target.maxBatch ?? rows))
  cancellation.end = () => executor.cancel()
  try {
    const result = await executor.run({
      steps: 1,
      symbols: Float64Array.of(rows),
      slots: none,
      inputs: target.inputs.map((port, index) => binding({ ...port, data: inputs[index]! })),
      outputs,
      results: none
    })
    assertPredicted(owner, program, result, block.sources(), () => block.first, true)
    return result.completed === 1
  } finally {
    cancellation.end = undefined
  }
}

const none = new Float64Array(0)
