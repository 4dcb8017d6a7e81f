import type { InputData, NestedNumbers } from '../data/rows.js'
import { wrongKind } from '../errors.js'
import { checkOptions, integerOption } from '../options.js'
import { staticElementCount } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { defaultBatch, type Predicting, predict, signalOption } from './predict.js'

export type StreamRow = InputData | number
export type RowIterable = Iterable<StreamRow> | AsyncIterable<StreamRow>

export interface StreamOptions {
  readonly signal?: AbortSignal
  /** Rows a batch at most; default the predictor's `maxBatch`. */
  readonly batchSize?: number
}

/** Forms batches of the rows that are there, predicts them, and gives the outputs one by one, in order. */
export async function* streamRows(
  target: Predicting,
  owner: string,
  rows: RowIterable,
  options: StreamOptions | undefined
): AsyncGenerator<Tensor, void, undefined> {
  const given = checkOptions(owner, options, ['signal', 'batchSize'])
  const signal = signalOption(owner, given.signal)
  const most = integerOption(owner, 'batchSize', given.batchSize, target.maxBatch ?? defaultBatch, { atLeast: 1 })
  signal?.throwIfAborted()
  const reader = new RowReader(iteratorOf(owner, rows))
  const { shape } = target.outputs[0]!
  const elements = staticElementCount(shape)
  signal?.addEventListener('abort', reader.wake)
  try {
    for (;;) {
      const batch = await reader.batch(most)
      signal?.throwIfAborted()
      if (batch.length === 0) return
      const { data } = (await predict(target, owner, batch as NestedNumbers, { signal, batchSize: most })) as Tensor
      // A copy a row, so that one kept row does not keep its whole batch.
      for (let row = 0; row < batch.length; row++) yield { data: data.slice(row * elements, (row + 1) * elements), shape }
    }
  } finally {
    signal?.removeEventListener('abort', reader.wake)
    reader.close()
  }
}

type RowIterator = AsyncIterator<StreamRow> | Iterator<StreamRow>

class RowReader {
  readonly #iterator: RowIterator
  #pending: Promise<IteratorResult<StreamRow>> | undefined
  #ended = false
  #wake: (() => void) | undefined

  constructor(iterator: RowIterator) {
    this.#iterator = iterator
  }

  /** Ends the wait for a source that is silent. */
  readonly wake = (): void => this.#wake?.()

  /** What the source gives next; undefined where `wake` comes first. */
  #next(pending: Promise<IteratorResult<StreamRow>>): Promise<IteratorResult<StreamRow> | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined)
      pending.then(resolve, reject)
    })
  }

  /** At least one row, then those that come without waiting for anything but the event loop's next turn; none at the end. */
  async batch(most: number): Promise<unknown[]> {
    const rows: unknown[] = []
    while (rows.length < most && !this.#ended) {
      this.#pending ??= Promise.resolve(this.#iterator.next())
      const next = await (rows.length === 0 ? this.#next(this.#pending) : Promise.race([this.#pending, idle()]))
      if (next === undefined) break
      this.#pending = undefined
      if (next.done) this.#ended = true
      else rows.push(rowOf(next.value))
    }
    return rows
  }

  /** Tells the source that nobody reads on; without waiting, as it may be waiting itself. */
  close(): void {
    if (this.#ended) return
    this.#pending?.catch(() => {})
    void Promise.resolve(this.#iterator.return?.()).catch(() => {})
  }
}

function rowOf(value: StreamRow): unknown {
  const { data, shape } = (value ?? {}) as Partial<Tensor>
  return ArrayBuffer.isView(data) && Array.isArray(shape) ? data : value
}

const idle = (): Promise<undefined> => new Promise((resolve) => setImmediate(resolve, undefined))

function iteratorOf(owner: string, rows: RowIterable): RowIterator {
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = Object(rows) as AsyncIterable<StreamRow> &
    Iterable<StreamRow>
  if (typeof rows !== 'string' && typeof asynchronous === 'function') return asynchronous.call(rows)
  if (typeof rows !== 'string' && typeof synchronous === 'function') return synchronous.call(rows)
  throw wrongKind(owner, 'an iterable of rows', rows)
}
