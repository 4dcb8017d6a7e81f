import type { TypedArray } from '../kernels/types.js'
import type { Crossing, InputBinding, Runtime } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { BatchCut } from './batches.js'
import { assertStable, type RowSource } from './rows.js'

/** Bytes that one slice gathers: 0.03 to 0.1 ms, by the backend and by how the rows lie; more where pages are fresh. */
const sliceBytes = 1 << 17

/** Memory of the library that feeds borrow and give back: what one run used, the next uses again. */
export class FeedMemory {
  readonly #runtime: Runtime
  readonly #buffers: ArrayBufferLike[] = []

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Buffer number `index`, at least `bytes` long. */
  reserve(index: number, bytes: number): ArrayBufferLike {
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
  readonly memory: FeedMemory
  readonly sources: readonly RowSource[]
  /** Elements a row of each output has; float32. */
  readonly outputs: readonly number[]
  readonly cut: BatchCut
  /** Steps that a crossing may have at most. */
  readonly steps: number
  readonly slots: number
  readonly reports: number
}

type RowArray = Float32Array | Int32Array | Uint8Array

/** What one crossing reads and writes: its rows, in memory that may be read off this thread, and its outputs. */
export class Feed {
  readonly #request: FeedRequest
  readonly #staged: readonly (RowArray | undefined)[]
  readonly #outputs: readonly Float32Array[]
  readonly #symbols: Float64Array
  readonly #results: Float64Array
  readonly slots: Float64Array
  readonly #inputs: InputBinding[]
  #firstBatch = 0
  #steps = 0

  constructor(request: FeedRequest) {
    this.#request = request
    const { memory, sources, outputs, cut, steps } = request
    const rows = Math.min(cut.rows, steps * cut.largest)
    this.#staged = sources.map((source, index) =>
      source.shared ? undefined : stagingView(memory, index, source, rows * source.rowElements)
    )
    this.#inputs = sources.map((source, index) => bindingOf(source, this.#staged[index] ?? source.data, {}))
    this.#outputs = outputs.map((elements, index) => {
      const length = rows * elements
      return new Float32Array(memory.reserve(sources.length + index, length * 4), 0, length)
    })
    this.#symbols = new Float64Array(steps)
    this.slots = new Float64Array(steps * request.slots)
    this.#results = new Float64Array(steps * request.reports)
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
      if (staged) {
        // Dropped steps have moved it.
        if (this.#inputs[index]!.first) this.#inputs[index] = bindingOf(source, staged, {})
        yield* this.#gather(staged, source, first, count, order)
      } else this.#inputs[index] = bindingOf(source, source.data, order ? { rows: order.subarray(first, first + count) } : { first })
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

  *#gather(target: RowArray, source: RowSource, first: number, count: number, order: Int32Array | undefined): Sliced<void> {
    const { runtime, owner } = this.#request
    const { rowElements, data } = source
    const most = Math.max(1, Math.floor(sliceBytes / Math.max(1, rowElements * data.BYTES_PER_ELEMENT)))
    for (let row = 0; row < count; row += most) {
      const rows = Math.min(most, count - row)
      // Here and not before: the caller may have taken the memory away since.
      assertStable(owner, source)
      const part = target.subarray(row * rowElements, (row + rows) * rowElements) as TypedArray
      const start = first + row
      runtime.gather(
        part,
        data,
        rowElements,
        order ? { rows: order.subarray(start, start + rows), count: rows } : { first: start, count: rows }
      )
      yield
    }
  }

  crossing(steps: number): Crossing {
    const { slots, reports } = this.#request
    const rows = this.rows(steps)
    return {
      steps,
      symbols: this.#symbols.subarray(0, steps),
      slots: this.slots.subarray(0, steps * slots),
      inputs: this.#inputs,
      outputs: this.#outputs.map((output, index) => output.subarray(0, rows * this.#request.outputs[index]!)),
      results: this.#results.subarray(0, steps * reports)
    }
  }
}

function bindingOf({ scale, shift }: RowSource, data: RowArray, selection: Pick<InputBinding, 'rows' | 'first'>): InputBinding {
  return { source: data, ...selection, ...(scale === undefined ? {} : { scale }), ...(shift === undefined ? {} : { shift }) }
}

function stagingView(memory: FeedMemory, index: number, source: RowSource, length: number): RowArray {
  const type = source.data.constructor as Float32ArrayConstructor
  return new type(memory.reserve(index, length * type.BYTES_PER_ELEMENT) as ArrayBuffer, 0, length)
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
