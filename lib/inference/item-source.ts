import { batchOf, type Dataset, isDataset, iteratorOf, passOf } from '../data/dataset.js'
import { RowDataset } from '../data/row-dataset.js'
import { type AnyView, assertAttached, viewKind } from '../data/views.js'
import { wrongKind } from '../errors.js'

/** The items of an iterable of either kind, taken one by one, and let go once. */
export class ItemSource {
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>
  #over = false

  constructor(iterator: AsyncIterator<unknown> | Iterator<unknown>) {
    this.#iterator = iterator
  }

  /** The next item, or a promise of it where it is not there yet. */
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    try {
      const next = this.#iterator.next()
      if (next instanceof Promise) return this.#arriving(next)
      if (isThenable(next)) return this.#arriving(Promise.resolve(next as unknown as PromiseLike<IteratorResult<unknown>>))
      const { done, value } = next as IteratorResult<unknown>
      if (done) this.#over = true
      else if (isThenable(value)) return this.#arriving(Promise.resolve(value).then((item) => ({ done: false, value: item })))
      return next as IteratorResult<unknown>
    } catch (error) {
      this.#over = true
      throw error
    }
  }

  async #arriving(next: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> {
    try {
      const result = await next
      if (result.done) this.#over = true
      return result
    } catch (error) {
      this.#over = true
      throw error
    }
  }

  /** Tells the source that nobody reads on; without waiting, as it may be waiting itself. */
  close(): void {
    if (this.#over) return
    this.#over = true
    try {
      void Promise.resolve(this.#iterator.return?.()).catch(() => {})
    } catch {}
  }
}

const isThenable = (value: unknown): boolean => typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

export interface ItemRequest {
  readonly batchSize: number
  readonly signal: AbortSignal | undefined
}

/** Begins to read when it is called; throws now for what cannot be read. */
export function itemsOf(owner: string, source: unknown, batchRequest: ItemRequest): () => ItemSource {
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = Object(source) as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  if (viewKind(source)) assertAttached(owner, 'the rows', source as AnyView)
  if (typeof source !== 'string')
    for (const begin of [asynchronous, synchronous])
      if (typeof begin === 'function') return () => new ItemSource((begin as () => AsyncIterator<unknown>).call(source))
  if (isDataset(source)) return () => new ItemSource(batchesOf(owner, source, batchRequest))
  throw wrongKind(owner, 'an iterable of rows or a dataset', source)
}

/** The rows of a file come as they are read, in memory that is used again: every item's rows are copied before the next is asked for. */
function batchesOf(owner: string, dataset: Dataset, request: ItemRequest): AsyncIterator<unknown> | Iterator<unknown> {
  if (dataset instanceof RowDataset && dataset.source.lent) return lentBatches(owner, dataset.source.lent.bind(dataset.source), request)
  const { batchSize, signal } = request
  return iteratorOf<unknown>(dataset.batches({ batchSize, ...(signal ? { signal } : {}) }))
}

async function* lentBatches(
  owner: string,
  lent: NonNullable<RowDataset['source']['lent']>,
  { batchSize, signal }: ItemRequest
): AsyncGenerator<unknown, void, undefined> {
  const { pass } = passOf(owner, { batchSize, ...(signal ? { signal } : {}) })
  for await (const block of lent(pass)) yield batchOf(block)
}
