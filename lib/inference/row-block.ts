import type { Cancellation } from '../data/lock.js'
import type { Runtime } from '../runtime/runtime.js'
import { finish } from '../sliced.js'
import { binding, type Predicting } from './predict.js'

/** Rows that a new block has memory for; it doubles as they come. */
const firstRows = 64

/** Rows that are predicted together, in memory that may be read off this thread, and their outputs behind them. */
export class RowBlock {
  readonly #runtime: Runtime
  readonly #rowElements: number
  readonly #outputElements: number
  readonly #most: number
  /** Row after row. */
  input = new Float32Array(0)
  output = new Float32Array(0)
  rows = 0

  /** @param most rows that it may hold */
  constructor(runtime: Runtime, rowElements: number, outputElements: number, most: number) {
    this.#runtime = runtime
    this.#rowElements = rowElements
    this.#outputElements = outputElements
    this.#most = most
  }

  get full(): boolean {
    return this.rows === this.#most
  }

  /** Rows that still go in. */
  get room(): number {
    return this.#most - this.rows
  }

  /** Makes sure of memory for `rows` more, at most `room`. Gives where the first of them begins. */
  reserve(rows: number): number {
    const elements = this.#rowElements
    const needed = this.rows + rows
    if (needed * elements > this.input.length || this.input.length === 0) {
      const capacity = Math.min(this.#most, Math.max(firstRows, needed, 2 * this.rows))
      const grown = this.#memory(capacity * elements)
      const output = this.#memory(capacity * this.#outputElements)
      grown.set(this.input.subarray(0, this.rows * elements))
      this.input = grown
      this.output = output
    }
    return this.rows * elements
  }

  #memory(elements: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#runtime.allocate(Math.max(64, elements * 4)) as ArrayBuffer, 0, elements)
  }
}

/**
 * Predicts the rows of the block into its output, with nobody writing meanwhile; inside an operation of the gate.
 * False where it was cancelled.
 */
export async function predictBlock(target: Predicting, owner: string, block: RowBlock, cancellation: Cancellation): Promise<boolean> {
  const { gate } = target
  const cross = () => crossBlock(target, block, cancellation)
  const read = async () => {
    const settling = target.settle(owner, undefined)
    if (settling) await settling
    return await gate.readingTurn(owner, cross, cancellation)
  }
  return (await gate.reading(owner, read, cancellation)) ?? false
}

async function crossBlock(target: Predicting, block: RowBlock, cancellation: Cancellation): Promise<boolean> {
  const { rows, input, output } = block
  const { executor } = finish(target.plan(rows, target.maxBatch ?? rows))
  cancellation.end = () => executor.cancel()
  try {
    const { completed } = await executor.run({
      steps: 1,
      symbols: Float64Array.of(rows),
      slots: none,
      inputs: [binding({ ...target.inputs[0]!, data: input })],
      outputs: [output],
      results: none
    })
    return completed === 1
  } finally {
    cancellation.end = undefined
  }
}

const none = new Float64Array(0)
