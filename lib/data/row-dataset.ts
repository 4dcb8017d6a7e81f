import { outOfRange, wrongKind } from '../errors.js'
import { checkOptions, integerOption, numberOption } from '../options.js'
import { normalizeSeed } from '../random.js'
import { type Batch, type BatchRequest, type BlockSource, batchOf, cutBlocks, type Dataset, passOf } from './dataset.js'
import type { RowRandom } from './row-random.js'
import { dropped, filtered, mapped, Split, shuffled, splitOff, taken } from './row-steps.js'
import type { RowSample } from './row-values.js'

/** Options of `split`. */
export interface SplitOptions {
  /** The part of the rows that is held out, above 0 and below 1. */
  readonly validation: number
  /** Decides which rows; default 0. */
  readonly seed?: number | bigint
}

/** A dataset whose rows can be changed, mixed and left out on their way. Each of these gives a new dataset. */
export class RowDataset implements Dataset {
  /** @internal */
  readonly source: BlockSource
  /** How many steps are before it: each has random numbers of its own. */
  readonly #depth: number

  /** @internal */
  constructor(source: BlockSource, depth = 0) {
    this.source = source
    this.#depth = depth
  }

  /** Rows, where it is known how many. */
  get length(): number | undefined {
    return this.source.length
  }

  /**
   * The rows in batches of `batchSize`, the last one of what is left. The source is open from the first batch until
   * the last, an error, or the end of the loop over them.
   *
   * @throws DataError with the number of a row that cannot be used; what the source throws
   */
  async *batches(request: BatchRequest): AsyncGenerator<Batch, void, undefined> {
    const { batchSize, pass } = passOf('Dataset.batches', request)
    pass.signal?.throwIfAborted()
    for await (const block of cutBlocks(this.source.blocks(pass), batchSize, pass.signal)) yield batchOf(block)
  }

  /**
   * Rows that `change` makes of rows, such as by augmentation. It gets a row whose arrays it may write to, and random
   * numbers that follow from seed, epoch and the row's number: the same row is changed the same way whatever the batch
   * size, and differently in the next epoch. It may be asynchronous.
   *
   * @throws DataError where it gives something else than rows `{ x, y }` that are all alike
   */
  map(change: (row: RowSample, random: RowRandom) => RowSample | PromiseLike<RowSample>): RowDataset {
    return this.#next(mapped(this.source, expectFunction('Dataset.map', change), this.#depth))
  }

  /** The rows for which `keep` answers true; `length` is unknown then. It may be asynchronous. */
  filter(keep: (row: RowSample) => boolean | PromiseLike<boolean>): RowDataset {
    return this.#next(filtered(this.source, expectFunction('Dataset.filter', keep)))
  }

  /**
   * Rows in random order, by seed and epoch: each is taken from a buffer of `bufferSize` rows, and the next row of the
   * source takes its place. Only a buffer of all rows makes every order equally likely; a file that is sorted should be
   * written anew in another order.
   *
   * @param bufferSize rows that are in memory at a time, 1 or more
   */
  shuffle(bufferSize: number): RowDataset {
    const size = integerOption('Dataset.shuffle', 'bufferSize', bufferSize ?? null, 0, { atLeast: 1, below: 2 ** 31 })
    return this.#next(shuffled(this.source, size, this.#depth))
  }

  /** The first `count` rows. */
  take(count: number): RowDataset {
    return this.#next(taken(this.source, integerOption('Dataset.take', 'count', count ?? null, 0, { atLeast: 0 })))
  }

  /** All rows but the first `count`. */
  skip(count: number): RowDataset {
    return this.#next(dropped(this.source, integerOption('Dataset.skip', 'count', count ?? null, 0, { atLeast: 0 })))
  }

  /**
   * Two datasets that share no row: each row is held out with the probability `validation`, by seed and its number
   * alone, so that it is on the same side in every epoch and run. `length` is unknown then.
   */
  split(options: SplitOptions): { readonly training: RowDataset; readonly validation: RowDataset } {
    const { fraction, key } = splitOptions(options)
    return {
      training: this.#next(splitOff(this.source, new Split(fraction, key, false))),
      validation: this.#next(splitOff(this.source, new Split(fraction, key, true)))
    }
  }

  #next(source: BlockSource): RowDataset {
    return new RowDataset(source, this.#depth + 1)
  }
}

export function splitOptions(options: SplitOptions): { fraction: number; key: readonly [number, number] } {
  const owner = 'Dataset.split'
  const { validation, seed } = checkOptions<SplitOptions>(owner, options, ['validation', 'seed'])
  if (validation === undefined) throw outOfRange(owner, 'validation, the fraction that is held out', validation)
  const fraction = numberOption(owner, 'validation', validation, 0, { above: 0, below: 1 })
  const { low, high } = normalizeSeed(seed ?? 0, owner)
  return { fraction, key: [low, high] }
}

function expectFunction<T>(owner: string, value: T): T {
  if (typeof value === 'function') return value
  throw wrongKind(owner, 'a function', value)
}
