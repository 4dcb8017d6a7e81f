import { wrongKind } from '../errors.js'
import { checkOptions, integerOption } from '../options.js'
import { type Key, normalizeSeed } from '../random.js'
import type { Tensor } from '../tensor.js'
import { type Block, concatBlocks, type Part, sliceBlock, type Values } from './blocks.js'
import type { InputData, TargetData } from './rows.js'

/** Some rows: what a step of training takes. */
export interface Batch {
  /** Rows of the model's input; by name where it has several. */
  readonly x: InputData | Readonly<Record<string, InputData>>
  readonly y?: TargetData | Readonly<Record<string, TargetData>>
  /** One number a row. */
  readonly sampleWeight?: ArrayLike<number>
  /** Other columns of a file, as they stand there, where they were asked for by `keep`. */
  readonly columns?: Readonly<Record<string, ArrayLike<unknown>>>
  /** Number of the first row in its source, where the rows follow each other; for messages. */
  readonly firstRow?: number
  /** Number of each row in its source, where they do not. */
  readonly rowNumbers?: Float64Array
}

export interface BatchRequest {
  /** Rows a batch at most. */
  readonly batchSize: number
  /** Decides with `epoch` what a shuffle and an augmentation do; default 0. */
  readonly seed?: number | bigint
  /** Counted from 0; default 0. */
  readonly epoch?: number
  /** Batches to pass over; default 0. `fit` asks for all of them, also where it goes on in the middle of an epoch. */
  readonly start?: number
  /** Ends the reading; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Rows that need not fit into memory. Each call of `batches` goes through them from the beginning. */
export interface Dataset {
  /** Rows, where it is known how many. */
  readonly length?: number | undefined
  /** Batches in order, each of at most `batchSize` rows. Its iterator's `return` lets go of files and the like. */
  batches(request: BatchRequest): AsyncIterable<Batch> | Iterable<Batch>
}

/** @throws TypeError for what a dataset's `batches` may not give */
export function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> {
  const asynchronous = (source as Partial<AsyncIterable<T>>)?.[Symbol.asyncIterator]
  if (typeof asynchronous === 'function') return asynchronous.call(source)
  const synchronous = (source as Partial<Iterable<T>>)?.[Symbol.iterator]
  if (typeof synchronous === 'function') return synchronous.call(source)
  throw wrongKind('Dataset.batches', 'an iterable of batches', source)
}

/** One pass over the rows of a source. */
export interface Pass {
  readonly key: Key
  readonly epoch: number
  /** Rows at the beginning that are left out. */
  readonly skip: number
  readonly signal: AbortSignal | undefined
}

/** Where the rows of a dataset come from, in blocks of any size. */
export interface BlockSource {
  readonly length?: number | undefined
  blocks(pass: Pass): AsyncGenerator<Block, void, undefined>
  /** The same in memory that is used again: a block's `x` holds until the next is asked for. */
  lent?(pass: Pass): AsyncGenerator<Block, void, undefined>
}

export function isDataset(data: unknown): data is Dataset {
  return typeof data === 'object' && data !== null && typeof (data as Partial<Dataset>).batches === 'function'
}

const requestNames = ['batchSize', 'seed', 'epoch', 'start', 'signal'] as const

export function passOf(owner: string, request: BatchRequest): { batchSize: number; pass: Pass } {
  if (request === undefined) throw wrongKind(owner, 'the options { batchSize, ... }', request)
  const given = checkOptions<BatchRequest>(owner, request, requestNames)
  const batchSize = integerOption(owner, 'batchSize', given.batchSize ?? null, 0, { atLeast: 1 })
  const { low, high } = normalizeSeed(given.seed ?? 0, owner)
  const start = integerOption(owner, 'start', given.start, 0, { atLeast: 0 })
  return {
    batchSize,
    pass: {
      key: [low, high],
      epoch: integerOption(owner, 'epoch', given.epoch, 0, { atLeast: 0, below: 2 ** 32 }),
      skip: start * batchSize,
      signal: given.signal
    }
  }
}

/** Full batches, then what is left. Rows are copied only where a batch takes them from several blocks. */
export async function* cutBlocks(
  blocks: AsyncIterable<Block>,
  batchSize: number,
  signal: AbortSignal | undefined
): AsyncGenerator<Block, void, undefined> {
  let waiting: Block[] = []
  let rows = 0
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const block of blocks) {
      signal?.throwIfAborted()
      for (let at = 0; at < block.rows; ) {
        const end = Math.min(block.rows, at + batchSize - rows)
        waiting.push(sliceBlock(block, at, end))
        rows += end - at
        at = end
        if (rows < batchSize) continue
        yield concatBlocks(waiting)
        signal?.throwIfAborted()
        waiting = []
        rows = 0
      }
    }
  } catch (error) {
    signal?.throwIfAborted()
    failure = { error }
  }
  // Rows before a failure are complete, also where they are less than a batch.
  if (rows > 0) yield concatBlocks(waiting)
  if (failure) throw failure.error
}

/** A block as its reader sees it. */
export function batchOf({ rows, numbers, parts }: Block): Batch {
  const batch: Record<string, unknown> = numbers instanceof Float64Array ? { rowNumbers: numbers } : { firstRow: numbers.first }
  for (const [name, part] of parts) {
    const dot = name.indexOf('.')
    if (dot < 0) batch[name] = valuesOf(rows, part)
    else ((batch[name.slice(0, dot)] ??= {}) as Record<string, unknown>)[name.slice(dot + 1)] = valuesOf(rows, part)
  }
  return batch as unknown as Batch
}

function valuesOf(rows: number, { data, shape }: Part): Values | Tensor {
  return shape.length === 0 ? data : ({ data, shape: [rows, ...shape] } as Tensor)
}
