import { readInputs, valuesByName } from '../data/named-rows.js'
import { type RowForm, type RowName, rowForm, writeRow } from '../data/one-row.js'
import { finishPaced, Pacer } from '../data/pace.js'
import { assertStable, inputRows, type RowSource } from '../data/rows.js'
import { DataError, describe, expectation } from '../errors.js'
import { finish } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { type ItemKind, isLabelled, kindOf } from './item-form.js'
import type { ItemSource } from './item-source.js'
import { type Predicting, resultsFor } from './predict.js'
import type { RowBlock } from './row-block.js'

/** The outputs of an item with several rows, on their way. */
export interface PendingBatch {
  readonly item: unknown
  readonly rows: number
  readonly outputs: readonly Tensor[]
  filled: number
}

/** Rows of a block that belong together: single ones, or some of an item's. */
export interface Segment {
  rows: number
  readonly batch: PendingBatch | undefined
}

/** A block, and what its rows are of. */
export class Filling {
  readonly block: RowBlock
  segments: Segment[] = []

  constructor(block: RowBlock) {
    this.block = block
  }

  add(rows: number, batch: PendingBatch | undefined): void {
    const last = this.segments.at(-1)
    if (last && last.batch === batch) last.rows += rows
    else this.segments.push({ rows, batch })
    this.block.rows += rows
  }
}

/** Where the reader puts what it reads. */
export interface Shelf {
  /** What is being filled; changes whenever something is sent. */
  readonly filling: Filling
  /** Nobody wants more. */
  readonly over: boolean
  /** Until there is room, or it is over. */
  room(): Promise<void>
  /** The blocks, still empty, may hold several steps. */
  widen(): void
  /** Something may be ready to be sent: a full block, or whatever there is where the source pauses. */
  filled(): void
}

/** Single rows that are read before the clock is asked: a few microseconds. */
const rowsAtOnce = 16
/** Elements that one slice copies. */
const copiedElements = 1 << 16

/** Reads the items of a source into blocks. */
export class StreamReader {
  readonly #target: Predicting
  readonly #owner: string
  /** Of each input. */
  readonly #forms: readonly RowForm[]
  readonly #source: ItemSource
  readonly #shelf: Shelf
  readonly #pacer = new Pacer()
  readonly #name = (): string => `${this.kind}[${this.#items}]`
  kind: ItemKind | undefined
  /** The source has not answered for a turn of the event loop. */
  silent = false
  #items = 0
  #rows = 0
  #asked = false
  #answers = 0
  #watched = false

  constructor(target: Predicting, owner: string, kind: ItemKind | undefined, source: ItemSource, shelf: Shelf) {
    this.#target = target
    this.#owner = owner
    this.#forms = target.inputs.map(({ shape }) => rowForm(owner, shape))
    this.kind = kind
    this.#source = source
    this.#shelf = shelf
  }

  /** To the source's end, or until it is over. Rejects with what the source throws, as a DataError, and for what does not fit. */
  async readAll(): Promise<void> {
    const shelf = this.#shelf
    for (let turn = 1; !shelf.over; turn++) {
      if (shelf.filling.block.full) await shelf.room()
      else {
        const next = this.#next()
        const { done, value } = next instanceof Promise ? await next : next
        if (done || shelf.over) return
        this.kind ??= kindOf(value, this.#target.inputs)
        if (this.kind === 'rows') this.#takeRow(value)
        else await this.#takeBatch(value)
        this.#items++
        if (turn % rowsAtOnce === 0 && this.#pacer.due) await this.#pacer.pause()
      }
    }
  }

  #next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    try {
      const next = this.#source.next()
      return next instanceof Promise ? this.#arriving(next) : next
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #arriving(next: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> {
    this.#asked = true
    this.#watch()
    try {
      return await next
    } catch (error) {
      throw this.#failed(error)
    } finally {
      this.#asked = this.silent = false
      this.#answers++
    }
  }

  /** Looks once a turn of the event loop, and not once an item, whether the source pauses. */
  #watch(): void {
    if (this.#watched) return
    this.#watched = true
    const answers = this.#answers
    setImmediate(() => {
      this.#watched = false
      if (!this.#asked) return
      if (this.#answers !== answers) return this.#watch()
      this.silent = true
      this.#shelf.filled()
    })
  }

  #failed(cause: unknown): DataError {
    const got = cause instanceof Error ? cause.message : describe(cause)
    return new DataError(expectation(this.#owner, `row ${this.#rows} of the source, or its end`, `an error: ${got}`), {
      row: this.#rows,
      cause
    })
  }

  #takeRow(value: unknown): void {
    const { filling } = this.#shelf
    const { inputs } = this.#target
    const { block } = filling
    block.reserve(1)
    if (inputs.length === 1 && inputs[0]!.key === undefined) this.#write(block, 0, this.#name, value)
    else
      for (const [index, part] of valuesByName(this.#owner, this.#name(), value, inputs).entries())
        this.#write(block, index, () => `${this.#name()}.${inputs[index]!.key}`, part)
    filling.add(1, undefined)
    this.#rows++
    if (block.full) this.#shelf.filled()
  }

  #write(block: RowBlock, index: number, name: RowName, value: unknown): void {
    const form = this.#forms[index]!
    const { dtype, shape } = this.#target.inputs[index]!
    const out = block.inputs[index]!
    const start = block.rows * form.elements
    if (dtype === 'float32') writeRow(form, name, value, out as Float32Array, start)
    else out.set(finish(inputRows(this.#owner, [value], { name: name(), rowShape: shape, dtype })).data, start)
  }

  async #takeBatch(item: unknown): Promise<void> {
    const shelf = this.#shelf
    const { inputs } = this.#target
    const ports = inputs.map((port) => ({ ...port, name: port.name.replace(/^x/, this.#name()) }))
    const sources = await finishPaced(readInputs(this.#owner, isLabelled(item, inputs) ? item.x : item, ports))
    const { rows: all } = sources[0]!
    if (this.#items === 0) shelf.widen()
    const batch: PendingBatch = { item, rows: all, outputs: resultsFor(this.#target, all), filled: 0 }
    let row = 0
    do {
      if (shelf.filling.block.full) await shelf.room()
      if (shelf.over) return
      const { filling } = shelf
      const rows = Math.min(filling.block.room, all - row)
      filling.block.reserve(rows)
      for (const [index, source] of sources.entries()) await this.#copy(source, row, rows, filling.block, index)
      filling.add(rows, batch)
      row += rows
      if (filling.block.full) shelf.filled()
    } while (row < all)
    this.#rows += all
  }

  /** Nothing is sent meanwhile, as the block is not full and the source not asked. */
  async #copy(source: RowSource, first: number, rows: number, block: RowBlock, index: number): Promise<void> {
    const { rowElements: elements } = source
    const input = block.inputs[index]!
    const start = (block.rows - first) * elements
    const end = (first + rows) * elements
    for (let at = first * elements; at < end; at += copiedElements) {
      assertStable(this.#owner, source)
      input.set(source.data.subarray(at, Math.min(end, at + copiedElements)), start + at)
      if (this.#pacer.due) await this.#pacer.pause()
    }
  }
}
