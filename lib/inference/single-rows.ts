import { Cancellation } from '../data/lock.js'
import { onlyRow, type RowForm, writeRow } from '../data/one-row.js'
import { finishPaced } from '../data/pace.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import type { Predicting } from './predict.js'
import { predictBlock, RowBlock } from './row-block.js'

/** Blocks that wait for their next use: one that runs, one that is filled, one behind. */
const mostSpare = 3

/** Elements of the largest rows that are gathered: larger ones gain nothing by it. */
const mostElements = 1 << 15

/** Rows whose outputs one slice hands out: about 0.2 ms. */
const handedOut = 512
/** Elements that one slice copies. */
const copiedElements = 1 << 16

const whole = (): string => 'x'
const first = (): string => 'x[0]'

/** Gathers calls with one row each into batches. What comes while a batch runs goes into the next. */
export class SingleRows {
  readonly #target: Predicting
  readonly #form: RowForm
  readonly #maxBatch: number
  readonly #maxDelay: number
  readonly #outputElements: number
  readonly #shape: StaticShape
  readonly #spare: RowBlock[] = []
  #forming: Batch | undefined
  #running = 0

  constructor(target: Predicting, form: RowForm, maxBatch: number, maxDelay: number) {
    this.#target = target
    this.#form = form
    this.#maxBatch = maxBatch
    this.#maxDelay = maxDelay
    const { shape } = target.outputs[0]!
    this.#outputElements = staticElementCount(shape)
    this.#shape = Object.freeze([1, ...shape])
  }

  /** undefined where `x` is not one row. Throws where it is and does not fit. */
  predict(x: unknown, signal: AbortSignal | undefined): Promise<Tensor> | undefined {
    const { elements } = this.#form
    const row = elements > 0 && elements <= mostElements ? onlyRow(x, this.#form) : undefined
    if (row === undefined) return undefined
    signal?.throwIfAborted()
    this.#target.gate.assertOpen(this.#form.owner)
    const batch = this.#forming ?? this.#open()
    const { block } = batch
    try {
      block.reserve(1)
      const [input] = block.inputs as [Float32Array]
      writeRow(this.#form, Array.isArray(x) && row !== x ? first : whole, row, input, block.rows * elements)
    } catch (error) {
      // Nobody waits for a batch of none.
      if (block.rows === 0) this.#send(batch)
      throw error
    }
    block.rows++
    const result = new Promise<Tensor>((resolve, reject) => {
      batch.resolve.push(resolve)
      batch.reject.push(reject)
    })
    if (block.full) this.#send(batch)
    return signal ? abortable(result, signal) : result
  }

  /** Sends what was asked so far: what comes after it is not to see it, nor it what comes after. */
  flush(): void {
    if (this.#forming) this.#send(this.#forming)
  }

  /** Lets go of the memory that waits for its next use. */
  clear(): void {
    this.#spare.length = 0
  }

  #open(): Batch {
    const { gate, running } = this.#target
    // From the first row on the predictor has a run on its way.
    gate.begin(this.#form.owner)
    const block = this.#spare.pop() ?? new RowBlock(this.#target, this.#maxBatch)
    const batch = new Batch(block, () => this.#send(batch))
    running.add(batch.cancellation)
    this.#forming = batch
    const due = (): void => this.#due(batch)
    // At the end of the turn of the event loop: whatever asks in this one, and what its answers ask, comes along.
    if (this.#maxDelay === 0) batch.immediate = setImmediate(due)
    else batch.timer = setTimeout(due, this.#maxDelay)
    return batch
  }

  /** Nothing is gained by a second run beside the first: until that has ended, more rows may come. */
  #due(batch: Batch): void {
    batch.due = true
    if (this.#running === 0) this.#send(batch)
  }

  #send(batch: Batch): void {
    if (this.#forming !== batch) return
    this.#forming = undefined
    clearImmediate(batch.immediate)
    clearTimeout(batch.timer)
    void this.#run(batch)
  }

  /** At once in the queue of the gate, so that a refresh asked for after it comes after it. Never rejects. */
  async #run(batch: Batch): Promise<void> {
    const { owner } = this.#form
    this.#running++
    try {
      if (batch.block.rows > 0 && !(await predictBlock(this.#target, owner, batch.block, batch.cancellation)))
        this.#target.gate.assertOpen(owner)
    } catch (error) {
      this.#end(batch)
      for (const reject of batch.reject) reject(error)
      return
    } finally {
      this.#running--
    }
    await finishPaced(this.#handOut(batch))
  }

  /** Before the last answers, so that who has one finds the predictor idle. */
  #end({ block, cancellation }: Batch): void {
    this.#target.running.delete(cancellation)
    this.#target.gate.end()
    block.rows = 0
    if (this.#spare.length < mostSpare && !this.#target.gate.closed) this.#spare.push(block)
    this.#next()
  }

  /** Those that were just answered ask again in this turn of the event loop: the next batch waits for them. */
  #next(): void {
    const forming = this.#forming
    if (forming?.due) forming.immediate = setImmediate(() => this.#due(forming))
  }

  *#handOut(batch: Batch): Sliced<void> {
    const { resolve } = batch
    const [output] = batch.block.outputs as [Float32Array]
    const elements = this.#outputElements
    const slice = Math.max(1, Math.min(handedOut, Math.floor(copiedElements / Math.max(1, elements))))
    for (let first = 0; first < resolve.length; first += slice) {
      if (first > 0) yield
      const end = Math.min(resolve.length, first + slice)
      if (end === resolve.length) this.#end(batch)
      for (let row = first; row < end; row++) resolve[row]!({ data: rowOf(output, row, elements), shape: this.#shape })
    }
    if (resolve.length === 0) this.#end(batch)
  }
}

/** A copy, so that one kept row does not keep its whole batch. */
export function rowOf(output: Float32Array, row: number, elements: number): Float32Array {
  const start = row * elements
  if (elements > 16) return output.slice(start, start + elements)
  // `slice` costs more than a few numbers.
  const copy = new Float32Array(elements)
  for (let i = 0; i < elements; i++) copy[i] = output[start + i]!
  return copy
}

type Resolve = (value: Tensor) => void
type Reject = (reason: unknown) => void

class Batch {
  readonly block: RowBlock
  readonly cancellation = new Cancellation()
  readonly resolve: Resolve[] = []
  readonly reject: Reject[] = []
  immediate: NodeJS.Immediate | undefined
  timer: NodeJS.Timeout | undefined
  /** It has waited as long as it may. */
  due = false

  /** @param cancelled called where it is cancelled before it is sent */
  constructor(block: RowBlock, cancelled: () => void) {
    this.block = block
    this.cancellation.end = cancelled
  }
}

/** Rejects by the signal at once; the row is computed along with the others, and nobody hears of it. */
async function abortable<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort!: () => void
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
  })
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([result, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
