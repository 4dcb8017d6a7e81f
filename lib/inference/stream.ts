import { isDataset } from '../data/dataset.js'
import type { ModelInput } from '../data/named-rows.js'
import { checkOptions, choiceOption, integerOption, signalOption } from '../options.js'
import type { Tensor } from '../tensor.js'
import { type ItemKind, itemKinds } from './item-form.js'
import { itemsOf } from './item-source.js'
import { defaultBatch, type Predicting } from './predict.js'
import { RowStream } from './row-stream.js'

/** A row or a batch of rows; a number where a row is one; by name where the model has several inputs. */
export type StreamRow = ModelInput | number | Readonly<Record<string, number>>
export type RowIterable<T = StreamRow> = Iterable<T> | AsyncIterable<T>

export interface StreamOptions {
  /** Ends the stream after the step on its way, though its source be silent; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Rows a step at most; default the predictor's `maxBatch`. The numbers do not depend on it. */
  readonly batchSize?: number
  /** What the source gives; default: by the first item's dimensions. A flat array counts as a row unless it is said here. */
  readonly items?: ItemKind
}

/** Throws for what cannot be read and for options; reads from the first `next` on. */
export function streamRows(
  target: Predicting,
  owner: string,
  source: unknown,
  options: StreamOptions | undefined
): AsyncGenerator<Tensor, void, undefined> {
  const given = checkOptions(owner, options, ['signal', 'batchSize', 'items'])
  const { maxBatch = Number.MAX_SAFE_INTEGER } = target
  const atMost = maxBatch === Number.MAX_SAFE_INTEGER ? {} : { atMost: maxBatch }
  const request = {
    signal: signalOption(owner, given.signal),
    batchSize: integerOption(owner, 'batchSize', given.batchSize, Math.min(defaultBatch, maxBatch), { atLeast: 1, ...atMost })
  }
  const stream = new RowStream(target, {
    owner,
    ...request,
    source: itemsOf(owner, source, request),
    lent: isDataset(source),
    kind: isDataset(source)
      ? 'batches'
      : given.items === undefined
        ? undefined
        : choiceOption<ItemKind>(owner, 'items', given.items, 'rows', itemKinds)
  })
  const outputs = stream.outputs() as AsyncGenerator<Tensor, void, undefined>
  const end = outputs.return.bind(outputs)
  // A generator that waits for its source would end only when that has answered.
  outputs.return = (value) => {
    stream.close()
    return end(value)
  }
  return outputs
}
