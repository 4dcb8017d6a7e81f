import { type Block, concatBlocks, sliceBlock } from '../data/blocks.js'
import { type Batch, batchOf, cutBlocks, type Dataset, iteratorOf } from '../data/dataset.js'
import { failedAt } from '../data/iterable-dataset.js'
import { Cancellation } from '../data/lock.js'
import { RowDataset } from '../data/row-dataset.js'
import { RowBuilder, type RowSample } from '../data/row-values.js'
import { DataError, wrongKind } from '../errors.js'
import type { ModelState } from '../inference/model-state.js'
import { type AnyData, type AskedTarget, type Rows, readData } from './evaluate.js'

/** Gives rows or batches `{ x, y }`, anew for each pass. */
export type BatchFactory = (pass: {
  readonly epoch: number
  readonly signal: AbortSignal | undefined
}) => RowsOrBatches | PromiseLike<RowsOrBatches>

type RowsOrBatches = Iterable<Batch | RowSample> | AsyncIterable<Batch | RowSample>

/** Rows that are ready for some steps. */
export interface Piece {
  readonly rows: Rows
  /** Number of each row in its source. */
  readonly numbers: Float64Array | { readonly first: number }
}

export interface PieceRequest {
  readonly owner: string
  readonly state: ModelState
  readonly dataset: Dataset
  readonly asked: readonly AskedTarget[]
  /** Rows a batch at most; a piece may hold several full batches. */
  readonly batchSize: number
  readonly epoch: number
  readonly signal: AbortSignal | undefined
  /** Where the wait for the source is registered, for whoever wants to end it. */
  readonly running: readonly Set<Cancellation>[]
}

/** Rows that several small batches of a piece hold together, at most: enough steps for one crossing. */
const pieceRows = 2048

/** Reads a dataset a piece ahead of whoever takes them. Ends with `close`, an error, or the last piece. */
export class PieceReader {
  readonly #request: PieceRequest
  readonly #batches: AsyncIterator<Batch> | Iterator<Batch>
  readonly #cancellation = new Cancellation()
  #ahead: Promise<Piece | undefined> | undefined
  #row = 0
  #ended = false
  #complete = false

  constructor(request: PieceRequest) {
    this.#request = request
    this.#batches = batchesOf(request)
    for (const register of request.running) register.add(this.#cancellation)
    request.signal?.addEventListener('abort', this.#cancellation.cancel)
    this.#fetch()
  }

  /** The next piece, and begins to read the one after it; undefined at the end, or where it was cancelled. */
  async next(): Promise<Piece | undefined> {
    const { signal } = this.#request
    signal?.throwIfAborted()
    if (this.#cancellation.requested) return undefined
    const cancelled = new Promise<undefined>((resolve) => {
      this.#cancellation.end = () => resolve(undefined)
    })
    const piece = await Promise.race([this.#ahead, cancelled])
    this.#cancellation.end = undefined
    signal?.throwIfAborted()
    if (piece) this.#fetch()
    return piece
  }

  /** Whether the source has given all it has. */
  get complete(): boolean {
    return this.#complete
  }

  /** Lets go of the source; without waiting for one that is waiting itself. */
  close(): void {
    for (const register of this.#request.running) register.delete(this.#cancellation)
    this.#request.signal?.removeEventListener('abort', this.#cancellation.cancel)
    this.#ahead?.catch(() => {})
    if (this.#ended) return
    this.#ended = true
    void (async () => await this.#batches.return?.())().catch(() => {})
  }

  #fetch(): void {
    this.#ahead = this.#read()
    // Whoever takes it sees the error; until then it is nobody's.
    this.#ahead.catch(() => {})
  }

  async #read(): Promise<Piece | undefined> {
    const { owner, state, asked, signal } = this.#request
    const { done, value: batch } = await this.#step()
    if (done) {
      this.#ended = this.#complete = true
      return undefined
    }
    if (typeof batch !== 'object' || batch === null || !('x' in batch) || !('y' in batch))
      throw wrongKind(owner, 'batches { x, y } of the dataset', batch, 'Where it was read from a file, name the column: y: ...')
    const { x, y, sampleWeight, firstRow, rowNumbers } = batch
    const data = { x, y, ...(sampleWeight === undefined ? {} : { sampleWeight }) } as AnyData
    const numbers = rowNumbers ?? { first: firstRow ?? this.#row }
    try {
      const rows = await readData(state, owner, data, asked, signal, numberOf({ numbers }))
      this.#row += rows.rows
      return { rows, numbers }
    } catch (error) {
      throw inBatch(error, numbers)
    }
  }

  async #step(): Promise<IteratorResult<Batch>> {
    try {
      return await this.#batches.next()
    } catch (error) {
      this.#ended = true
      this.#request.signal?.throwIfAborted()
      if (String((error as { code?: unknown })?.code).startsWith('EVENKEEL_')) throw error
      throw failedAt(this.#request.owner, this.#row, error)
    }
  }
}

/** Says where a batch stands that has not the shape or type that it should: its rows are counted from its own first. */
function inBatch(error: unknown, numbers: Piece['numbers']): unknown {
  const { code } = error as { code?: unknown }
  const first = numbers instanceof Float64Array ? numbers[0] : numbers.first
  // In the first batch the numbers are those of the source.
  if (error instanceof Error && first !== 0 && (code === 'EVENKEEL_SHAPE' || code === 'EVENKEEL_TYPE'))
    error.message = `${error.message} (in the batch whose first row is ${first})`
  return error
}

export function numberOf({ numbers }: Pick<Piece, 'numbers'>): (row: number) => number {
  return numbers instanceof Float64Array ? (row) => numbers[row]! : (row) => numbers.first + row
}

function batchesOf({ dataset, state, batchSize, epoch, signal }: PieceRequest): AsyncIterator<Batch> | Iterator<Batch> {
  if (dataset instanceof RowDataset) {
    const pass = { key: state.key, epoch, skip: 0, signal }
    const rows = Math.max(1, Math.floor(pieceRows / batchSize)) * batchSize
    return evened(cutBlocks(dataset.source.blocks(pass), rows, signal), batchSize)
  }
  const request = { batchSize, seed: state.seed.seedValue, epoch, start: 0, ...(signal ? { signal } : {}) }
  return iteratorOf(dataset.batches(request))
}

/**
 * Blocks of full batches and a last one that is cut evenly: what would make less than half a batch joins the block
 * before it. Where the source fails, only full batches come before the error.
 */
async function* evened(blocks: AsyncIterable<Block>, batchSize: number): AsyncGenerator<Batch, void, undefined> {
  let held: Block | undefined
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const block of blocks) {
      if (held && block.rows * 2 < batchSize) held = concatBlocks([held, block])
      else {
        if (held) yield batchOf(held)
        held = block
      }
    }
  } catch (error) {
    failure = { error }
  }
  const rows = held === undefined ? 0 : failure ? held.rows - (held.rows % batchSize) : held.rows
  if (rows > 0) yield batchOf(sliceBlock(held!, 0, rows))
  if (failure) throw failure.error
}

/** A function that gives rows or batches, as a dataset; which of them it gives, its shapes tell. */
export function factoryDataset(owner: string, state: ModelState, factory: BatchFactory): Dataset {
  return {
    async *batches({ batchSize, epoch = 0, start = 0, signal }) {
      const builder = new RowBuilder(batchSize)
      let row = 0
      let left = start
      // Also a promise of an iterable: what it rejects with is the error then.
      const source = await factory({ epoch, signal })
      try {
        for await (const item of { [Symbol.asyncIterator]: () => asAsync(iteratorOf(source)) }) {
          if (!isRow(state, item)) {
            if (left > 0) left--
            else yield item as Batch
            continue
          }
          if (row >= start * batchSize) builder.add(owner, item as RowSample, row)
          row++
          if (builder.rows < batchSize) continue
          yield batchOf(builder.take())
        }
      } catch (error) {
        signal?.throwIfAborted()
        // Of batches, only whoever reads them knows the rows.
        throw row === 0 || error instanceof DataError ? error : failedAt(owner, row, error)
      }
      if (builder.rows > 0) yield batchOf(builder.take())
    }
  }
}

function asAsync<T>(iterator: AsyncIterator<T> | Iterator<T>): AsyncIterator<T> {
  return {
    next: async () => await iterator.next(),
    return: async () => ((await iterator.return?.()) ?? { done: true, value: undefined }) as IteratorResult<T>
  }
}

/** Whether it is one row: where a number stands alone, or `x` is as deep as the input's shape and no deeper. */
function isRow({ inputs }: ModelState, item: unknown): boolean {
  const { x: given, y } = (item ?? {}) as { x?: unknown; y?: unknown }
  if ([given, y].some((value) => typeof value === 'number' || holdsNumber(value))) return true
  const [{ key, shape }] = inputs as readonly [ModelState['inputs'][number]]
  const x = key === undefined ? given : (given as Record<string, unknown> | undefined)?.[key]
  const tensorShape = (x as { shape?: unknown } | undefined)?.shape
  if (Array.isArray(tensorShape)) return tensorShape.length === shape.length
  if (Array.isArray(x) && typeof x[0] !== 'number') {
    let depth = 0
    for (let inner: unknown = x; Array.isArray(inner) || ArrayBuffer.isView(inner); inner = (inner as unknown[])[0]) depth++
    return depth === Math.max(1, shape.length)
  }
  return false
}

/** Of values by name, whether one is a number. */
function holdsNumber(value: unknown): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false
  return Object.values(value as object).some((each) => typeof each === 'number')
}
