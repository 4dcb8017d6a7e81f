import { type Dataset, isDataset } from '../data/dataset.js'
import type { InputData } from '../data/rows.js'
import { expectation, outOfRange, ShapeError, wrongKind } from '../errors.js'
import { KeptState } from '../inference/kept-state.js'
import type { ModelState } from '../inference/model-state.js'
import { defaultBatch } from '../inference/predict.js'
import { checkOptions, integerOption, signalOption } from '../options.js'
import type { Tensor } from '../tensor.js'
import { askedOf, lossesOption, lossWeightsOption } from './by-output.js'
import { type BatchFactory, factoryDataset, numberOf, PieceReader } from './dataset-reader.js'
import {
  type AnyData,
  type DataSet,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationRequest,
  type Rows,
  readData,
  tallyRows
} from './evaluate.js'
import type { AnyInput, AnyOutput } from './model-types.js'
import { Tally } from './tally.js'

/** What a model trains on: rows in memory, a dataset, or a function that gives rows or batches anew for each epoch. */
export type TrainingData<X = InputData, Y = Tensor> = DataSet<X, Y> | Dataset | BatchFactory
/** The same for any model. */
export type AnyTrainingData = TrainingData<AnyInput, AnyOutput>

/** A factory becomes a dataset; the rest stays. */
export function dataOf(owner: string, state: ModelState, data: AnyTrainingData): AnyData | Dataset {
  if (typeof data === 'function') return factoryDataset(owner, state, data)
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = Object(data) as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  if (!isDataset(data) && (asynchronous || synchronous) && !('x' in Object(data)))
    throw wrongKind(owner, 'data that can be read anew for each epoch', data, 'Give a function: () => rows')
  return data
}

export async function evaluate(
  state: ModelState,
  owner: string,
  data: AnyTrainingData,
  options?: EvaluateOptions<AnyOutput>
): Promise<Evaluation> {
  const given = checkOptions(owner, options, ['loss', 'lossWeights', 'metrics', 'batchSize', 'signal'])
  const signal = signalOption(owner, given.signal)
  const { description } = state
  const losses = given.loss === undefined ? undefined : lossesOption(owner, description, given.loss)
  if (!losses && given.lossWeights !== undefined) throw outOfRange(owner, 'lossWeights with a loss', given.lossWeights)
  const lossWeights = losses && lossWeightsOption(owner, description, losses, given.lossWeights)
  const batchSize = integerOption(owner, 'batchSize', given.batchSize, defaultBatch, { atLeast: 1 })
  const asked = askedOf(owner, description, { losses, lossWeights, metrics: given.metrics, withoutLoss: true })
  if (asked.length === 0) throw outOfRange(owner, 'a loss or at least one metric', given.metrics)
  signal?.throwIfAborted()
  return await state.gate.operation(owner, async () => {
    const read = dataOf(owner, state, data)
    const rows = isDataset(read) ? read : await readData(state, owner, read, asked, signal)
    await state.settle(signal)
    return await evaluateData(state, rows, { owner, asked, losses, batchSize, signal })
  })
}

/** Evaluates rows in memory or a dataset. The model stays as it is from the first row to the last. */
export async function evaluateData(state: ModelState, data: Rows | Dataset, request: EvaluationRequest): Promise<Evaluation> {
  const tally = new Tally({ owner: request.owner, asked: request.asked, outputs: state.description.outputs })
  if (isDataset(data)) await tallyDataset(state, data, request, tally)
  else await tallyRows(state, request, tally, { ...data, number: (row) => row })
  return await tally.result()
}

/** The source may wait for whatever it likes, a training of this model among it: nobody is held off while it does. */
async function tallyDataset(state: ModelState, dataset: Dataset, request: EvaluationRequest, tally: Tally): Promise<void> {
  const { owner, asked, batchSize, signal } = request
  const { gate, running } = state
  const kept = await KeptState.of(state, owner, signal)
  let rows = 0
  try {
    const reader = new PieceReader({ owner, state, dataset, asked, batchSize, epoch: 0, signal, running: [running] })
    try {
      for (let piece = await reader.next(); piece; piece = await reader.next()) {
        rows += piece.rows.rows
        await tallyRows(state, request, tally, { ...piece.rows, kept, number: numberOf(piece) })
      }
      // Cancelled: by who disposed of the model.
      if (!reader.complete) gate.assertOpen(owner)
    } finally {
      reader.close()
    }
  } finally {
    kept.release()
  }
  if (rows === 0) throw new ShapeError(expectation(owner, 'at least one row', 'none'), { expected: 1, actual: 0 })
}
