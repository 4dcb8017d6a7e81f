import { type BatchCut, cutBatches, type LastBatch } from '../data/batches.js'
import type { Dataset } from '../data/dataset.js'
import { epochOrder } from '../data/order.js'
import { finishPaced } from '../data/pace.js'
import { RowDataset } from '../data/row-dataset.js'
import { outOfRange } from '../errors.js'
import { numberOf, PieceReader } from './dataset-reader.js'
import type { Rows } from './evaluate.js'
import type { TrainingState } from './training-state.js'

/** Rows that several steps of a fit take. */
export interface FitPiece {
  readonly rows: Rows
  readonly cut: BatchCut
  /** Of the rows; undefined: as they stand. */
  readonly order: Int32Array | undefined
  /** The number of a row in its source. */
  number(row: number): number
}

export interface EpochPieces {
  /** Whether all of them were given. */
  readonly complete: boolean
  next(): Promise<FitPiece | undefined>
  close(): void
}

/** Where a fit takes the rows of its epochs from. */
export interface FitPieces {
  /** Rows of the largest and the smallest step, and of an epoch, as far as it is known before. */
  readonly largest: number
  readonly smallest: number
  readonly rows: number
  /** Whether rows have sample weights, as far as it is known before. */
  readonly weighted: boolean
  /** Whether a piece may have a smaller step than `smallest`, or weights. */
  readonly unchecked: boolean
  epoch(epoch: number): Promise<EpochPieces>
}

export interface PieceSettings {
  /** Rows a batch at most, and rows a step: those of several batches where they are accumulated. */
  readonly batchSize: number
  readonly accumulate: number
  readonly stepRows: number
  readonly lastBatch: LastBatch
  readonly shuffle: boolean
  readonly signal: AbortSignal | undefined
}

const owner = 'Trainer.fit'

export const smallestBatch = (cut: BatchCut): number => Math.min(cut.size(0), cut.size(cut.count - 1))

/** All rows in memory: one piece, in an order of its own in each epoch. */
export class RowsPieces implements FitPieces {
  readonly #state: TrainingState
  readonly #signal: AbortSignal | undefined
  readonly #piece: FitPiece
  readonly largest: number
  readonly smallest: number
  readonly rows: number
  readonly weighted: boolean
  readonly unchecked = false

  constructor(state: TrainingState, rows: Rows, { batchSize, accumulate, stepRows, lastBatch, shuffle, signal }: PieceSettings) {
    const cut = cutBatches(rows.rows, stepRows, lastBatch)
    const least = accumulate === 1 ? `batchSize = ${batchSize}` : `batchSize · accumulate = ${stepRows}`
    if (cut.count === 0) throw outOfRange(owner, `at least ${least} rows with lastBatch 'drop'`, rows.rows)
    this.#state = state
    this.#signal = signal
    this.#piece = { rows, cut, order: shuffle ? new Int32Array(rows.rows) : undefined, number: (row) => row }
    this.largest = cut.largest
    this.smallest = smallestBatch(cut)
    this.rows = cut.rows
    this.weighted = rows.weights !== undefined
  }

  async epoch(epoch: number): Promise<EpochPieces> {
    const piece = this.#piece
    if (piece.order) await finishPaced(epochOrder(piece.order, this.#state.model.key, epoch), { signal: this.#signal })
    return new RowsEpoch(piece)
  }
}

/** One piece. A class: an object with a getter in it, made in each epoch, would go to V8's old generation. */
class RowsEpoch implements EpochPieces {
  #left: FitPiece | undefined

  constructor(piece: FitPiece) {
    this.#left = piece
  }

  get complete(): boolean {
    return this.#left === undefined
  }

  async next(): Promise<FitPiece | undefined> {
    const piece = this.#left
    this.#left = undefined
    return piece
  }

  close(): void {}
}

/** Pieces that are read while the one before them is trained on. */
export class DatasetPieces implements FitPieces {
  readonly #state: TrainingState
  readonly #dataset: Dataset
  readonly #settings: PieceSettings
  readonly largest: number
  readonly smallest: number
  readonly rows: number
  readonly weighted = false
  readonly unchecked = true

  constructor(state: TrainingState, dataset: Dataset, settings: PieceSettings) {
    const { length = Number.POSITIVE_INFINITY } = dataset
    this.#state = state
    this.#dataset = dataset
    this.#settings = settings
    this.rows = length
    this.largest = this.smallest = Math.max(1, Math.min(settings.stepRows, length))
  }

  async epoch(epoch: number): Promise<EpochPieces> {
    const { stepRows, lastBatch, signal } = this.#settings
    const { model, objectives, running } = this.#state
    const reader = new PieceReader({
      owner,
      state: model,
      dataset: this.#dataset,
      asked: objectives,
      batchSize: stepRows,
      epoch,
      signal,
      running: [model.running, running]
    })
    // Batches of a dataset of one's own are left as they are, unless they are too large.
    const how = this.#dataset instanceof RowDataset || lastBatch === 'drop' ? lastBatch : 'balance'
    return {
      get complete() {
        return reader.complete
      },
      next: async () => {
        const piece = await reader.next()
        return piece && { rows: piece.rows, cut: cutBatches(piece.rows.rows, stepRows, how), order: undefined, number: numberOf(piece) }
      },
      close: () => reader.close()
    }
  }
}
