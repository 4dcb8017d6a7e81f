import { Cancellation } from '../data/lock.js'
import { finishPaced } from '../data/pace.js'
import type { Port } from '../layers/ports.js'
import type { Sliced } from '../sliced.js'
import { type ItemKind, isLabelled } from './item-form.js'
import type { ItemSource } from './item-source.js'
import { named, type Predicting, rowElements } from './predict.js'
import { type BlockTurn, insideTurn, RowBlock } from './row-block.js'
import { rowOf } from './single-rows.js'
import { Filling, type PendingBatch, type Shelf, StreamReader } from './stream-reader.js'

export interface RowStreamRequest {
  /** For messages: `Predictor.stream`. */
  readonly owner: string
  /** Begins to read. */
  readonly source: () => ItemSource
  /** Its items' `x` is only lent, and is not handed out again. */
  readonly lent: boolean
  readonly signal: AbortSignal | undefined
  readonly batchSize: number
  /** undefined: by the first item. */
  readonly kind: ItemKind | undefined
}

/** Elements that one slice copies out. */
const copiedElements = 1 << 16
/** Single rows that one slice hands out: about 0.1 ms. */
const handedOut = 512

/** What an item of several rows gives. */
class Whole {
  constructor(
    readonly given: unknown,
    readonly rows: number
  ) {}
}

/** Blocks on their way: while this thread takes the outputs of one and reads on, the backend has the next. */
const mostRuns = 2

/** Blocks of batches that may wait to be predicted: a file gives the rows of a page of all columns in a burst. */
const waiting = 2

/**
 * Three things at once: the source is read into one block, another is predicted, and the outputs before are taken. A
 * block is sent when it is full, or when the source pauses while nothing else runs. Nothing is sent while a block's
 * outputs wait to be taken.
 */
export class RowStream implements Shelf {
  readonly #target: Predicting
  readonly #request: RowStreamRequest
  readonly #outputElements: readonly number[]
  readonly #cancellation = new Cancellation()
  /** The same for a run that waits for its model. */
  readonly #stop = new AbortController()
  filling: Filling
  /** Nothing more is read or run: it ended, or a run failed. */
  over = false
  readonly #free: Filling[]
  /** Full, in order. */
  readonly #full: Filling[] = []
  #source: ItemSource | undefined
  #reader: StreamReader | undefined
  #readAll = false
  /** Nobody takes more, or may: what is ready is dropped. */
  #ended = false
  /** Blocks that are being predicted, or whose outputs are handed out. */
  #runs = 0
  /** The run of the last block. Never rejects. */
  #ran: Promise<void> | undefined
  /** The turn of the runs that are on their way, and its end, which never rejects. */
  #held: BlockTurn | undefined
  #holding: Promise<void> | undefined
  /** Rows that went into blocks before. */
  #sent = 0
  #failure: { readonly error: unknown } | undefined
  #ready: unknown[] = []
  #readyRows = 0
  #wakeReader: (() => void) | undefined
  #wakeTaker: (() => void) | undefined

  constructor(target: Predicting, request: RowStreamRequest) {
    this.#target = target
    this.#request = request
    this.#outputElements = rowElements(target.outputs)
    this.filling = this.#empty()
    this.#free = [this.#empty()]
  }

  async *outputs(): AsyncGenerator<unknown, void, undefined> {
    const { signal } = this.#request
    signal?.throwIfAborted()
    const abort = (): void => this.#end({ error: signal!.reason })
    signal?.addEventListener('abort', abort)
    try {
      if (!this.over) void this.#read()
      while (!this.#finished) {
        if (this.#ready.length === 0) await this.#progress()
        const ready = this.#ready
        this.#ready = []
        for (const output of ready) {
          const whole = output instanceof Whole
          this.#readyRows -= whole ? output.rows : 1
          this.#send()
          yield whole ? output.given : output
          if (this.#ended) break
        }
      }
      if (this.#failure) throw this.#failure.error
    } finally {
      signal?.removeEventListener('abort', abort)
      this.close()
      // Whoever sees the end finds the predictor idle. The run was told to end after its step; the source is not waited for.
      await this.#ran
      await this.#holding
    }
  }

  /** Nobody takes more: lets go of the source, and ends the run on its way. */
  close(): void {
    this.#end(undefined)
    this.#source?.close()
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    if (this.#ended) return
    this.#ended = this.over = true
    if (failure) this.#failure = failure
    this.#ready = []
    this.#cancellation.cancel()
    this.#stop.abort()
    this.#wake()
  }

  #wake(): void {
    this.#wakeReader?.()
    this.#wakeTaker?.()
  }

  get #finished(): boolean {
    if (this.#ready.length > 0) return false
    return this.over || (this.#readAll && this.#runs === 0 && this.#full.length === 0 && this.filling.segments.length === 0)
  }

  /** Until something is ready, or over. */
  async #progress(): Promise<void> {
    const { gate, running } = this.#target
    const { owner } = this.#request
    gate.assertOpen(owner)
    // Only now: a stream that nobody reads from any more is not to be kept.
    const disposal = new Cancellation()
    disposal.end = () => this.#wakeTaker?.()
    running.add(disposal)
    await new Promise<void>((resolve) => {
      this.#wakeTaker = resolve
    })
    running.delete(disposal)
    if (!this.#ended) gate.assertOpen(owner)
  }

  async #read(): Promise<void> {
    const { owner, kind, source } = this.#request
    try {
      this.#source = source()
      this.#reader = new StreamReader(this.#target, owner, kind, this.#source, this)
      await this.#reader.readAll()
    } catch (error) {
      this.#failure ??= { error }
    }
    this.#readAll = true
    this.#send()
    this.#wakeTaker?.()
  }

  async room(): Promise<void> {
    while (this.filling.block.full && !this.over)
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
  }

  #empty(): Filling {
    return new Filling(new RowBlock(this.#target, this.#request.batchSize))
  }

  widen(): void {
    for (let more = 0; more < waiting; more++) this.#free.push(this.#empty())
    for (const { block } of [this.filling, ...this.#free]) block.widen()
  }

  filled(): void {
    this.#send()
  }

  #send(): void {
    this.#turn()
    if (this.over || this.#readyRows >= this.filling.block.most) return
    const next = this.#runs === 0 ? (this.#full.shift() ?? this.#begun()) : this.#joining()
    if (!next) return
    this.#runs++
    this.#turn()
    this.#ran = this.#run(next, this.#ran)
  }

  /** A full block that goes behind the one on its way. */
  #joining(): Filling | undefined {
    return this.#runs < mostRuns && this.#held?.open ? this.#full.shift() : undefined
  }

  /** Goes on to fill another block where this one is full; one stays free for what is sent next. */
  #turn(): void {
    if (!this.filling.block.full || this.#free.length <= (this.#runs > 0 ? 0 : 1)) return
    this.#full.push(this.filling)
    this.#fillNext()
  }

  /** What there is, where it is full or nothing else is to come: all other blocks are free. */
  #begun(): Filling | undefined {
    const { filling } = this
    if (filling.segments.length === 0 || !(filling.block.full || this.#readAll || this.#reader?.silent)) return undefined
    this.#fillNext()
    return filling
  }

  #fillNext(): void {
    this.filling = this.#free.pop()!
    this.#wakeReader?.()
  }

  /** @param before the run whose outputs come first */
  async #run(filling: Filling, before: Promise<void> | undefined): Promise<void> {
    const { block } = filling
    block.first = this.#sent
    this.#sent += block.rows
    try {
      const ran = block.rows === 0 || (await this.#predict(block))
      if (!ran) this.#target.gate.assertOpen(this.#request.owner)
      await before
      if (ran && !this.over) await finishPaced(this.#handOut(filling))
    } catch (error) {
      await before
      // What was read later failed later; what ended before it ended for that.
      if (!this.over) this.#failure = { error }
      this.over = true
    }
    block.rows = 0
    filling.segments = []
    this.#free.push(filling)
    this.#runs--
    this.#send()
    this.#wake()
  }

  #predict(block: RowBlock): Promise<boolean> {
    if (this.#held?.open) return this.#held.run(block)
    return new Promise((resolve, reject) => {
      // Not before the last has let go.
      const held = (this.#holding ?? Promise.resolve()).then(() => this.#hold((turn) => void turn.run(block).then(resolve, reject)))
      // False: it was cancelled before it came to that.
      this.#holding = held.then((entered) => {
        if (!entered) resolve(false)
      }, reject)
    })
  }

  /** A turn that lasts until what `begin` and others send in it has run; false where it was cancelled before. */
  async #hold(begin: (turn: BlockTurn) => void): Promise<boolean> {
    const { gate, running } = this.#target
    const { owner } = this.#request
    const body = async (turn: BlockTurn): Promise<void> => {
      this.#held = turn
      begin(turn)
      // Whoever sends this block has to know of its run first.
      await undefined
      this.#send()
      await turn.over
    }
    running.add(this.#cancellation)
    try {
      return await gate.operation(owner, () => insideTurn(this.#target, owner, this.#cancellation, this.#stop.signal, body))
    } finally {
      this.#held = undefined
      running.delete(this.#cancellation)
    }
  }

  *#handOut({ block: { outputs }, segments }: Filling): Sliced<void> {
    let row = 0
    for (const { rows, batch } of segments) {
      const end = row + rows
      if (batch) yield* this.#fill(batch, outputs, row, rows)
      else
        for (let first = row; first < end; first += handedOut) {
          this.#single(outputs, first, Math.min(end, first + handedOut))
          yield
        }
      row = end
    }
  }

  #single(outputs: readonly Float32Array[], first: number, end: number): void {
    const target = this.#target
    const elements = this.#outputElements
    const [{ key, shape }] = target.outputs as [Port]
    for (let row = first; row < end; row++)
      if (key === undefined) this.#ready.push({ data: rowOf(outputs[0]!, row, elements[0]!), shape })
      else {
        const parts = target.outputs.map((port, index) => ({ data: rowOf(outputs[index]!, row, elements[index]!), shape: port.shape }))
        this.#ready.push(named(target, parts))
      }
    this.#readyRows += end - first
  }

  *#fill(batch: PendingBatch, from: readonly Float32Array[], row: number, rows: number): Sliced<void> {
    for (const [index, { data }] of batch.outputs.entries()) {
      const elements = this.#outputElements[index]!
      const start = batch.filled * elements
      for (let at = 0; at < rows * elements; at += copiedElements) {
        const end = Math.min(rows * elements, at + copiedElements)
        data.set(from[index]!.subarray(row * elements + at, row * elements + end), start + at)
        yield
      }
    }
    batch.filled += rows
    if (batch.filled < batch.rows) return
    const output = named(this.#target, batch.outputs)
    this.#ready.push(new Whole(this.#given(batch.item, output), batch.rows))
    this.#readyRows += batch.filled
  }

  #given(item: unknown, output: unknown): unknown {
    if (!isLabelled(item, this.#target.inputs)) return output
    if (!this.#request.lent) return { ...item, output }
    const { x: _, ...rest } = item
    return { ...rest, output }
  }
}
