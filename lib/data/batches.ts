/** What happens to rows that do not fill a batch: spread over all batches, kept as a small one, or left out. */
export type LastBatch = 'balance' | 'keep' | 'drop'

export const lastBatchChoices: readonly LastBatch[] = ['balance', 'keep', 'drop']

/** Consecutive batches over rows 0 … rows − 1. Nothing is stored a batch, so any number of them is cheap. */
export interface BatchCut {
  readonly count: number
  /** Rows in all batches: less than were given only for 'drop'. */
  readonly rows: number
  /** Rows of the largest batch. */
  readonly largest: number
  /** First row of batch `index`. */
  start(index: number): number
  /** Rows of batch `index`. */
  size(index: number): number
}

/**
 * Cuts `rows` rows into batches of at most `batchSize`.
 *
 * - 'balance': ⌈rows/batchSize⌉ batches whose sizes differ by at most one, the larger ones first;
 * - 'keep': full batches, then what is left;
 * - 'drop': full batches only.
 *
 * @param rows integer, 0 or more
 * @param batchSize integer, 1 or more
 */
export function cutBatches(rows: number, batchSize: number, lastBatch: LastBatch): BatchCut {
  if (lastBatch === 'balance') return balanced(rows, Math.ceil(rows / batchSize))
  const count = lastBatch === 'keep' ? Math.ceil(rows / batchSize) : Math.floor(rows / batchSize)
  const used = Math.min(rows, count * batchSize)
  return {
    count,
    rows: used,
    largest: Math.min(used, batchSize),
    start: (index) => index * batchSize,
    size: (index) => Math.min(batchSize, used - index * batchSize)
  }
}

function balanced(rows: number, count: number): BatchCut {
  const base = count === 0 ? 0 : Math.floor(rows / count)
  const larger = rows - base * count
  return {
    count,
    rows,
    largest: larger > 0 ? base + 1 : base,
    start: (index) => index * base + Math.min(index, larger),
    size: (index) => (index < larger ? base + 1 : base)
  }
}
