import { type Batch, type BatchRequest, type BlockSource, batchOf, cutBlocks, type Dataset, passOf } from './dataset.js'

/** A dataset whose rows can be changed, mixed and left out on their way. Each of these gives a new dataset. */
export class RowDataset implements Dataset {
  /** @internal */
  readonly source: BlockSource

  /** @internal */
  constructor(source: BlockSource) {
    this.source = source
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
}
