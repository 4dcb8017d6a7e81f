import type { Cancellation } from '../data/lock.js'
import type { RowSource } from '../data/rows.js'
import { finish } from '../sliced.js'
import { assertPredicted } from './failure-error.js'
import { binding, type Predicting, rowElements } from './predict.js'

/** Rows that a new block has memory for; it doubles as they come. */
const firstRows = 64
/** Steps of a crossing at most, and bytes of their rows: a crossing costs some 20 µs of the JavaScript thread, however long it is. */
const mostSteps = 16
const mostBytes = 1 << 22

/** Rows that are predicted together, in memory that may be read off this thread, and their outputs. */
export class RowBlock {
  readonly #target: Predicting
  readonly #step: number
  #most: number
  readonly #inputElements: readonly number[]
  readonly #outputElements: readonly number[]
  #capacity = 0
  /** Row after row, an array an input. */
  inputs: readonly (Float32Array | Int32Array)[] = []
  outputs: readonly Float32Array[] = []
  rows = 0
  /** Number of the first row among all that the caller gives, for messages. */
  first = 0

  /** @param step rows of a step, and what it may hold unless it is widened */
  constructor(target: Predicting, step: number) {
    this.#target = target
    this.#step = this.#most = step
    this.#inputElements = rowElements(target.inputs)
    this.#outputElements = rowElements(target.outputs)
  }

  /** An empty block shall hold as many steps as are worth a crossing. */
  widen(): void {
    const bytes = 4 * [...this.#inputElements, ...this.#outputElements].reduce((sum, elements) => sum + elements, 0)
    this.#most = this.#step * Math.max(1, Math.min(mostSteps, Math.floor(mostBytes / Math.max(1, bytes * this.#step))))
  }

  /** Rows that it may hold. */
  get most(): number {
    return this.#most
  }

  get full(): boolean {
    return this.rows === this.#most
  }

  /** Rows that still go in. */
  get room(): number {
    return this.#most - this.rows
  }

  /** Rows of each step: full ones, and what is left. */
  steps(): Float64Array {
    return Float64Array.from({ length: Math.ceil(this.rows / this.#step) }, (_, step) =>
      Math.min(this.#step, this.rows - step * this.#step)
    )
  }

  /** The rows from those of a step on as sources, for messages. */
  sources(step: number): readonly Pick<RowSource, 'name' | 'data' | 'rowElements'>[] {
    return this.#target.inputs.map(({ name }, index) => {
      const elements = this.#inputElements[index]!
      return { name, data: this.inputs[index]!.subarray(step * this.#step * elements), rowElements: elements }
    })
  }

  /** Number of the first row of a step among all that the caller gives. */
  firstOf(step: number): number {
    return this.first + step * this.#step
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
 * Runs `body` with nobody writing meanwhile and no other reader's crossings between those of the turn; inside an operation
 * of the gate. False where it was cancelled before. The signal ends the wait for the model, too, of a predictor that has
 * still to copy it.
 */
export async function insideTurn(
  target: Predicting,
  owner: string,
  cancellation: Cancellation,
  signal: AbortSignal | undefined,
  body: (turn: BlockTurn) => Promise<void>
): Promise<boolean> {
  const { gate } = target
  const inside = async () => {
    await body(new BlockTurn(target, owner, cancellation))
    return true
  }
  const read = async () => {
    const settling = target.settle(owner, signal)
    if (settling) await settling
    return await gate.readingTurn(owner, inside, cancellation)
  }
  return (await gate.reading(owner, read, cancellation)) ?? false
}

/** Predicts the rows of one block in a turn of its own. False where it was cancelled. */
export async function predictBlock(target: Predicting, owner: string, block: RowBlock, cancellation: Cancellation): Promise<boolean> {
  let ran = false
  await insideTurn(target, owner, cancellation, undefined, async (turn) => {
    ran = await turn.run(block)
  })
  return ran
}

/** Predicts blocks, one behind the other in the backend: it goes on to the next without waiting for this thread. */
export class BlockTurn {
  readonly #target: Predicting
  readonly #owner: string
  readonly #cancellation: Cancellation
  #running = 0
  #end: () => void = () => {}
  /** When no block is on its way any more: the turn is over then. */
  readonly over = new Promise<void>((resolve) => {
    this.#end = resolve
  })

  constructor(target: Predicting, owner: string, cancellation: Cancellation) {
    this.#target = target
    this.#owner = owner
    this.#cancellation = cancellation
  }

  /** Another block may join: one is on its way, and nobody else waits. */
  get open(): boolean {
    return this.#running > 0 && !this.#target.gate.contested
  }

  /** Predicts the rows of the block into its output. False where it was cancelled. */
  async run(block: RowBlock): Promise<boolean> {
    this.#running++
    try {
      return await this.#cross(block)
    } finally {
      this.#running--
      if (this.#running === 0) {
        this.#cancellation.end = undefined
        this.#end()
      }
    }
  }

  async #cross(block: RowBlock): Promise<boolean> {
    const target = this.#target
    const { inputs, outputs } = block
    const symbols = block.steps()
    const { executor, program } = finish(target.plan(symbols[0]!, target.maxBatch ?? symbols[0]!))
    this.#cancellation.end = () => executor.cancel()
    const result = await executor.run({
      steps: symbols.length,
      symbols,
      slots: none,
      inputs: target.inputs.map((port, index) => binding({ ...port, data: inputs[index]! })),
      outputs,
      results: none
    })
    if (result.completed === symbols.length) return true
    assertPredicted(this.#owner, program, result, block.sources(result.completed), (step) => block.firstOf(step), true)
    return false
  }
}

const none = new Float64Array(0)
