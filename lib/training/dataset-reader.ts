import { cutBlocks, type Batch, batchOf, type Dataset } from '../data/dataset.js'
import { failedAt } from '../data/iterable-dataset.js'
import { Cancellation } from '../data/lock.js'
import { RowDataset } from '../data/row-dataset.js'
import { RowBuilder, type RowSample } from '../data/row-values.js'
import type { RowSource } from '../data/rows.js'
import { DataError, wrongKind } from '../errors.js'
import type { ModelState } from '../inference/model-state.js'
import type { Loss } from '../programs/index.js'
import { type DataSet, type Rows, readData } from './evaluate.js'

/** Gives rows or batches `{ x, y }`, anew for each pass. */
export type BatchFactory = (pass: {
  readonly epoch: number
  readonly signal: AbortSignal | undefined
}) => Iterable<Batch | RowSample> | AsyncIterable<Batch | RowSample>

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
  readonly loss: Loss | undefined
  /** Rows a batch at most; a piece may hold several full batches. */
  readonly batchSize: number
  readonly epoch: number
  /** Rows at the beginning that are passed over: whole batches. */
  readonly start?: number
  readonly signal: AbortSignal | undefined
  /** Where the wait for the source is registered, for whoever wants to end it. */
  readonly running: readonly Set<Cancellation>[]
}

/** Rows that several small batches of a piece hold together, at most: enough steps for one crossing. */
const pieceRows = 2048

export function isDataset(data: unknown): data is Dataset {
  return typeof data === 'object' && data !== null && typeof (data as Partial<Dataset>).batches === 'function'
}

/** Reads a dataset a piece ahead of whoever takes them. Ends with `close`, an error, or the last piece. */
export class PieceReader {
  readonly #request: PieceRequest
  readonly #batches: AsyncIterator<Batch> | Iterator<Batch>
  readonly #cancellation = new Cancellation()
  #ahead: Promise<Piece | undefined> | undefined
  #row: number
  #ended = false

  constructor(request: PieceRequest) {
    this.#request = request
    this.#row = request.start ?? 0
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

  /** Lets go of the source; without waiting for one that is waiting itself. */
  close(): void {
    for (const register of this.#request.running) register.delete(this.#cancellation)
    this.#request.signal?.removeEventListener('abort', this.#cancellation.cancel)
    this.#ahead?.catch(() => {})
    if (this.#ended) return
    this.#ended = true
    void Promise.resolve(this.#batches.return?.()).catch(() => {})
  }

  #fetch(): void {
    this.#ahead = this.#read()
    // Whoever takes it sees the error; until then it is nobody's.
    this.#ahead.catch(() => {})
  }

  async #read(): Promise<Piece | undefined> {
    const { owner, state, loss, signal } = this.#request
    const { done, value: batch } = await this.#step()
    if (done) {
      this.#ended = true
      return undefined
    }
    if (typeof batch !== 'object' || batch === null || !('x' in batch) || !('y' in batch))
      throw wrongKind(owner, 'batches { x, y } of the dataset', batch, 'Where it was read from a file, name the column: y: ...')
    const { x, y, sampleWeight, firstRow, rowNumbers } = batch
    const data = { x, y, ...(sampleWeight === undefined ? {} : { sampleWeight }) } as DataSet
    const rows = await readData(state, owner, data, loss, signal)
    const numbers = rowNumbers ?? { first: firstRow ?? this.#row }
    this.#row += rows.rows
    return { rows, numbers }
  }

  async #step(): Promise<IteratorResult<Batch>> {
    try {
      return await this.#batches.next()
    } catch (error) {
      this.#ended = true
      this.#request.signal?.throwIfAborted()
      if (error instanceof DataError || (error as { code?: unknown })?.code !== undefined) throw error
      throw failedAt(this.#request.owner, this.#row, error)
    }
  }
}

function batchesOf({ dataset, state, batchSize, epoch, start = 0, signal }: PieceRequest): AsyncIterator<Batch> | Iterator<Batch> {
  if (dataset instanceof RowDataset) {
    const pass = { key: state.key, epoch, skip: start, signal }
    const rows = Math.max(1, Math.floor(pieceRows / batchSize)) * batchSize
    return converted(cutBlocks(dataset.source.blocks(pass), rows, signal))
  }
  const request = { batchSize, seed: state.seed, epoch, start: Math.floor(start / batchSize), ...(signal ? { signal } : {}) }
  return iteratorOf(dataset.batches(request))
}

async function* converted(blocks: ReturnType<typeof cutBlocks>): AsyncGenerator<Batch, void, undefined> {
  for await (const block of blocks) yield batchOf(block)
}

function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> {
  const asynchronous = (source as Partial<AsyncIterable<T>>)?.[Symbol.asyncIterator]
  if (typeof asynchronous === 'function') return asynchronous.call(source)
  const synchronous = (source as Partial<Iterable<T>>)?.[Symbol.iterator]
  if (typeof synchronous === 'function') return synchronous.call(source)
  throw wrongKind('Dataset.batches', 'an iterable of batches', source)
}

/** A function that gives rows or batches, as a dataset; which of them it gives, its shapes tell. */
export function factoryDataset(owner: string, state: ModelState, factory: BatchFactory): Dataset {
  return {
    async *batches({ batchSize, epoch = 0, start = 0, signal }) {
      let builder = new RowBuilder(batchSize)
      let row = 0
      let left = start
      const source = factory({ epoch, signal })
      for await (const item of { [Symbol.asyncIterator]: () => asAsync(iteratorOf(source)) }) {
        if (!isRow(state, item)) {
          if (left > 0) left--
          else yield item as Batch
          continue
        }
        if (row >= start * batchSize) builder.add(owner, item as RowSample, row)
        row++
        if (builder.rows < batchSize) continue
        yield batchOf(builder.block())
        builder = new RowBuilder(batchSize)
      }
      if (builder.rows > 0) yield batchOf(builder.block())
    }
  }
}

function asAsync<T>(iterator: AsyncIterator<T> | Iterator<T>): AsyncIterator<T> {
  return {
    next: async () => await iterator.next(),
    return: async () => ((await iterator.return?.()) ?? { done: true, value: undefined }) as IteratorResult<T>
  }
}

/** Whether `x` is of one row: as deep as the input's shape, and no deeper. */
function isRow({ inputs }: ModelState, item: unknown): boolean {
  const { x: given, y } = (item ?? {}) as { x?: unknown; y?: unknown }
  const [{ key, shape }] = inputs as readonly [ModelState['inputs'][number]]
  const x = key === undefined ? given : (given as Record<string, unknown> | undefined)?.[key]
  const elements = shape.reduce<number>((product, size) => product * size, 1)
  const tensorShape = (x as { shape?: unknown } | undefined)?.shape
  if (Array.isArray(tensorShape)) return tensorShape.length === shape.length
  if (Array.isArray(x) && typeof x[0] !== 'number') {
    let depth = 0
    for (let inner: unknown = x; Array.isArray(inner) || ArrayBuffer.isView(inner); inner = (inner as unknown[])[0]) depth++
    return depth === Math.max(1, shape.length)
  }
  return typeof x === 'number' || (typeof y === 'number' && (x as ArrayLike<number> | undefined)?.length === elements)
}

/** The rows of several, one after the other. */
export function joined(pieces: readonly Piece[]): Piece {
  const [head] = pieces as [Piece, ...Piece[]]
  const concat = (of: (rows: Rows) => RowSource): RowSource => {
    const sources = pieces.map(({ rows }) => of(rows))
    const first = sources[0]!
    const data = new (first.data.constructor as Float32ArrayConstructor)(sources.reduce((sum, source) => sum + source.data.length, 0))
    let at = 0
    for (const source of sources) {
      data.set(source.data, at)
      at += source.data.length
    }
    return { ...first, rows: data.length / Math.max(1, first.rowElements), data, shared: false }
  }
  const rows = pieces.reduce((sum, piece) => sum + piece.rows.rows, 0)
  const numbers = new Float64Array(rows)
  let at = 0
  for (const { rows, numbers: own } of pieces)
    for (let row = 0; row < rows.rows; row++) numbers[at++] = own instanceof Float64Array ? own[row]! : own.first + row
  return {
    numbers,
    rows: {
      ...head.rows,
      rows,
      inputs: head.rows.inputs.map((_, index) => concat(({ inputs }) => inputs[index]!)),
      targets: head.rows.targets.map((target, index) => ({ ...target, source: concat(({ targets }) => targets[index]!.source) }))
    }
  }
}
