import type { Crossing, InputBinding, Runtime } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { BatchCut } from './batches.js'
import { assertStable, type RowSource } from './rows.js'

/** Bytes that one slice gathers: 0.03 to 0.1 ms, by the backend and by how the rows lie; more where pages are fresh. */
const sliceBytes = 1 << 17

type RowArray = Float32Array | Int32Array | Uint8Array
type RowArrayConstructor = new (buffer: ArrayBuffer, offset: number, length: number) => RowArray

/**
 * Memory of the library that feeds borrow and give back: what one run used, the next uses again, the arrays over it
 * too. So a run of a few steps, such as an epoch of a small set, leaves next to nothing to collect.
 */
export class FeedMemory {
  readonly #runtime: Runtime
  readonly #buffers: ArrayBufferLike[] = []
  readonly #views: RowArray[] = []
  readonly #numbers: Float64Array[] = []

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** The first `length` elements of buffer number `index`. */
  view(index: number, type: RowArrayConstructor & { readonly BYTES_PER_ELEMENT: number }, length: number): RowArray {
    const view = this.#views[index]
    if (view && view.length === length && view.constructor === type) return view
    return (this.#views[index] = new type(this.#reserve(index, length * type.BYTES_PER_ELEMENT) as ArrayBuffer, 0, length))
  }

  /** Numbers that stay on this thread: array number `index`, at least `length` long. */
  numbers(index: number, length: number): Float64Array {
    const numbers = this.#numbers[index]
    if (numbers && numbers.length >= length) return numbers
    return (this.#numbers[index] = new Float64Array(length))
  }

  #reserve(index: number, bytes: number): ArrayBufferLike {
    const buffer = this.#buffers[index]
    if (buffer && buffer.byteLength >= bytes) return buffer
    return (this.#buffers[index] = this.#runtime.allocate(Math.max(64, bytes)))
  }
}

/** Feed memories that wait for their next use. Two runs at once, each with two feeds, find theirs again. */
export class FeedPool {
  readonly #runtime: Runtime
  readonly #free: FeedMemory[] = []

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  async borrow<T>(body: (memories: readonly [FeedMemory, FeedMemory]) => Promise<T>): Promise<T> {
    const take = (): FeedMemory => this.#free.pop() ?? new FeedMemory(this.#runtime)
    const memories = [take(), take()] as const
    try {
      return await body(memories)
    } finally {
      // The first on top: it is the one that short runs use, and knows their sizes.
      for (const memory of [memories[1], memories[0]]) if (this.#free.length < 4) this.#free.push(memory)
    }
  }

  clear(): void {
    this.#free.length = 0
  }
}

export interface FeedRequest {
  /** Of the caller, for messages. */
  readonly owner: string
  readonly runtime: Runtime
  readonly sources: readonly RowSource[]
  /** Elements a row of each output has; float32. */
  readonly outputs: readonly number[]
  readonly cut: BatchCut
  readonly slots: number
  readonly reports: number
}

/** What one crossing reads and writes: its rows, in memory that may be read off this thread, and its outputs. */
export class Feed {
  readonly #request: FeedRequest
  readonly #staged: readonly (RowArray | undefined)[]
  readonly #outputs: readonly Float32Array[]
  // At least as long as the steps need.
  readonly #symbols: Float64Array
  readonly #results: Float64Array
  readonly slots: Float64Array
  readonly #inputs: InputBinding[]
  #firstBatch = 0
  #steps = 0

  /** @param steps that a crossing may have at most */
  constructor(request: FeedRequest, memory: FeedMemory, steps: number) {
    this.#request = request
    const { sources, outputs, cut } = request
    const rows = Math.min(cut.rows, steps * cut.largest)
    this.#staged = sources.map(({ shared, data, rowElements }, index) =>
      shared ? undefined : memory.view(index, data.constructor as Float32ArrayConstructor, rows * rowElements)
    )
    this.#inputs = sources.map((source, index) => bindingOf(source, this.#staged[index] ?? source.data, undefined, 0))
    this.#outputs = outputs.map((elements, index) => memory.view(sources.length + index, Float32Array, rows * elements) as Float32Array)
    this.#symbols = memory.numbers(0, steps)
    this.slots = memory.numbers(1, steps * request.slots)
    this.#results = memory.numbers(2, steps * request.reports)
  }

  get firstBatch(): number {
    return this.#firstBatch
  }

  get steps(): number {
    return this.#steps
  }

  /** First row of the crossing, in the order of the run. */
  get firstRow(): number {
    return this.#request.cut.start(this.#firstBatch)
  }

  /** Rows of the first `steps` steps. */
  rows(steps: number): number {
    const last = this.#firstBatch + steps - 1
    return steps === 0 ? 0 : this.#request.cut.start(last) + this.#request.cut.size(last) - this.firstRow
  }

  /** Rows of output `index`, step after step. */
  output(index: number): Float32Array {
    return this.#outputs[index]!
  }

  get results(): Float64Array {
    return this.#results
  }

  /** Readies batches `firstBatch` … `firstBatch + steps − 1` of the rows in `order` (undefined: as they stand). */
  *fill(firstBatch: number, steps: number, order: Int32Array | undefined): Sliced<void> {
    this.#firstBatch = firstBatch
    this.#steps = steps
    for (let step = 0; step < steps; step++) this.#symbols[step] = this.#request.cut.size(firstBatch + step)
    const first = this.firstRow
    const count = this.rows(steps)
    const { sources } = this.#request
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index]!
      const staged = this.#staged[index]
      if (!staged) {
        this.#inputs[index] = bindingOf(source, source.data, order?.subarray(first, first + count), order ? 0 : first)
        continue
      }
      // Dropped steps have moved it.
      if (this.#inputs[index]!.first) this.#inputs[index] = bindingOf(source, staged, undefined, 0)
      const most = Math.max(1, Math.floor(sliceBytes / Math.max(1, source.rowElements * staged.BYTES_PER_ELEMENT)))
      for (let row = 0; row < count; row += most) {
        this.#gather(staged, source, row, first + row, Math.min(most, count - row), order)
        yield
      }
    }
  }

  /** Takes the first `steps` steps off the crossing: they are through, and the others have still to run. */
  drop(steps: number): void {
    const rows = this.rows(steps)
    this.#firstBatch += steps
    this.#steps -= steps
    for (let step = 0; step < this.#steps; step++) this.#symbols[step] = this.#request.cut.size(this.#firstBatch + step)
    for (const [index, binding] of this.#inputs.entries())
      this.#inputs[index] = binding.rows
        ? { ...binding, rows: binding.rows.subarray(rows) }
        : { ...binding, first: (binding.first ?? 0) + rows }
  }

  /** `count` rows from row `start` of the order on, to row `row` of the staging memory. */
  #gather(staged: RowArray, source: RowSource, row: number, start: number, count: number, order: Int32Array | undefined): void {
    const { runtime, owner } = this.#request
    const { rowElements, data } = source
    // Here and not before: the caller may have taken the memory away since.
    assertStable(owner, source)
    const target = row === 0 ? staged : staged.subarray(row * rowElements)
    runtime.gather(target, data, rowElements, order ? { rows: order.subarray(start, start + count), count } : { first: start, count })
  }

  /** Its arrays may be longer than `steps` steps need. */
  crossing(steps: number): Crossing {
    return {
      steps,
      symbols: this.#symbols,
      slots: this.slots,
      inputs: this.#inputs,
      outputs: this.#outputs,
      results: this.#results
    }
  }
}

function bindingOf({ scale, shift }: RowSource, source: RowArray, rows: Int32Array | undefined, first: number): InputBinding {
  return { source, rows, first, scale, shift }
}

/** Bytes that the two feeds of a run stage; enough for 5 ms of steps of any network that gains by sharing a crossing. */
const stagedBytes = 1 << 22
/** Steps of a few microseconds fill 5 ms long before this. */
const mostSteps = 512

/** How many steps a crossing may have: as many as fit in the staging memory. */
export function stepsThatFit(sources: readonly RowSource[], outputs: readonly number[], cut: BatchCut): number {
  let bytes = outputs.reduce((sum, elements) => sum + elements * 4, 0)
  for (const { shared, rowElements, data } of sources) if (!shared) bytes += rowElements * data.BYTES_PER_ELEMENT
  const fitting = Math.floor(stagedBytes / Math.max(1, bytes * cut.largest))
  return Math.max(1, Math.min(mostSteps, cut.count, fitting))
}
