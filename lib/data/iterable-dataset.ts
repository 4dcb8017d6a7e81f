import { DataError, wrongKind } from '../errors.js'
import { checkOptions, integerOption } from '../options.js'
import type { Block } from './blocks.js'
import type { BlockSource, Pass } from './dataset.js'
import { Pacer } from './pace.js'
import { RowDataset } from './row-dataset.js'
import { RowBuilder, type RowSample } from './row-values.js'

/** Options of `datasetFrom`. */
export interface DatasetFromOptions {
  /** Rows that each call gives, where that is known. */
  readonly length?: number
}

/** Rows that go on together, at most: a batch of them is put together of such blocks. */
const blockRows = 256

/**
 * A dataset of rows that a function gives, one by one, anew for each pass: a generator, asynchronous or not, or a
 * function that returns any other iterable. Its `return` is called where a reader stops early.
 *
 * @param rows called at the beginning of each pass, with the epoch and a signal that is aborted with it
 * @throws DataError with the number of the row where the source throws, with its error as `cause`; the rows before it
 *   are delivered first
 */
export function datasetFrom(
  rows: (pass: { readonly epoch: number; readonly signal: AbortSignal | undefined }) => Iterable<RowSample> | AsyncIterable<RowSample>,
  options?: DatasetFromOptions
): RowDataset {
  const owner = 'datasetFrom'
  if (typeof rows !== 'function') throw wrongKind(owner, 'a function that gives the rows anew for each pass', rows, 'Such as () => rows')
  const { length } = checkOptions<DatasetFromOptions>(owner, options, ['length'])
  const known = length === undefined ? undefined : integerOption(owner, 'length', length, 0, { atLeast: 0 })
  return new RowDataset(new IterableSource(owner, rows, known))
}

class IterableSource implements BlockSource {
  readonly length: number | undefined
  readonly #owner: string
  readonly #rows: Parameters<typeof datasetFrom>[0]

  constructor(owner: string, rows: Parameters<typeof datasetFrom>[0], length: number | undefined) {
    this.#owner = owner
    this.#rows = rows
    this.length = length
  }

  async *blocks({ epoch, skip, signal }: Pass): AsyncGenerator<Block, void, undefined> {
    const pacer = new Pacer()
    let number = 0
    const builder = new RowBuilder(blockRows)
    let failure: { readonly error: unknown } | undefined
    const source = iterated(this.#owner, this.#rows({ epoch, signal }))
    try {
      for await (const row of source) {
        if (number >= skip) builder.add(this.#owner, row, number)
        number++
        if (builder.rows < blockRows && !pacer.due) continue
        if (builder.rows > 0) yield builder.take()
        if (pacer.due) await pacer.pause()
        signal?.throwIfAborted()
      }
    } catch (error) {
      signal?.throwIfAborted()
      failure = { error: error instanceof DataError ? error : failedAt(this.#owner, number, error) }
    }
    if (builder.rows > 0) yield builder.take()
    if (failure) throw failure.error
  }
}

export function failedAt(owner: string, row: number, cause: unknown): DataError {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new DataError(`${owner}: expected row ${row} or the end, got an error of the source: ${said}`, { row, cause })
}

/** Iterates over either kind; a synchronous source is not waited for, row by row. */
function iterated<T>(owner: string, source: Iterable<T> | AsyncIterable<T>): Iterable<T> | AsyncIterable<T> {
  const iterable = Object(source) as Partial<Iterable<T> & AsyncIterable<T>>
  if (
    typeof source !== 'string' &&
    (typeof iterable[Symbol.asyncIterator] === 'function' || typeof iterable[Symbol.iterator] === 'function')
  )
    return source
  throw wrongKind(owner, 'the function to give an iterable of rows', source)
}
