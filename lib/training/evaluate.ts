import { cutBatches } from '../data/batches.js'
import { runCrossings, StepClock } from '../data/crossings.js'
import { readInputs } from '../data/named-rows.js'
import { finishPaced } from '../data/pace.js'
import { assertSameRows, type InputData, type RowSource, rowRange, type TargetRequest, targetRows, weightRows } from '../data/rows.js'
import { expectation, ShapeError, wrongKind } from '../errors.js'
import { failureError } from '../inference/failure-error.js'
import type { KeptState } from '../inference/kept-state.js'
import type { ModelState } from '../inference/model-state.js'
import { rowElements } from '../inference/predict.js'
import { nearest } from '../options.js'
import { describeFailure, type Losses } from '../programs/index.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { type Asked, outputsByName } from './by-output.js'
import type { MetricValue } from './metrics.js'
import type { AnyInput, AnyOutput, GivenLosses, GivenMetrics, GivenTargets, LossWeights } from './model-types.js'
import type { Tally } from './tally.js'

/** Rows to train or evaluate on. */
export interface DataSet<X = InputData, Y = Tensor> {
  /** Of several inputs, these by name. */
  readonly x: X
  /** Of a model with names for its outputs: by name, for those that have a loss or metrics. */
  readonly y: GivenTargets<Y>
  /** What each row counts for, none negative: in the losses, their gradients and in metrics. Default: 1. */
  readonly sampleWeight?: InputData
}

export interface EvaluateOptions<Y = Tensor> {
  /** What the result's `loss` is the mean of; of a model with names for its outputs, one for all or losses by name. */
  readonly loss?: GivenLosses<Y>
  /** What each output's loss counts for in the sum, by its name; default 1. */
  readonly lossWeights?: LossWeights<Y>
  /** Default [accuracy()]; with a loss over values, none. By name too; an array is for every output that has a loss. */
  readonly metrics?: GivenMetrics<Y>
  /** Rows a step at most; default 1024. The numbers do not depend on it. */
  readonly batchSize?: number
  readonly signal?: AbortSignal
}

/** Rows for any model. */
export type AnyData = DataSet<AnyInput, AnyOutput>

/** The metrics by name: of a model with names for its outputs `price.mae`, and each output's own loss, `price.loss`. */
export interface Evaluation {
  /** Of several outputs Σ lossWeight · loss. */
  readonly loss?: number
  readonly accuracy?: number
  readonly [metric: string]: MetricValue | undefined
}

/** Data as a run reads them: a source for each input of its Program, all with as many rows. */
export interface Rows {
  readonly rows: number
  /** One for each input of the model. */
  readonly inputs: readonly RowSource[]
  /** One for each output that has targets, in the order of the outputs. */
  readonly targets: readonly Targets[]
  /** One number a row. */
  readonly weights?: RowSource
}

export interface Targets {
  /** Index among the model's outputs. */
  readonly output: number
  readonly source: RowSource
}

/** In the order of the inputs of a Program that trains, or of one that evaluates, which takes no weights. */
export function sourcesOf({ inputs, targets, weights }: Rows): readonly RowSource[] {
  return [...inputs, ...(weights ? [weights] : []), ...targets.map(({ source }) => source)]
}

/** What targets are read for. */
export type AskedTarget = Pick<Asked, 'output' | 'key' | 'target' | 'loss'>

/** `{ x, y }` as rows, of the types that model and loss ask for; at least one row. */
export async function readData(
  state: ModelState,
  owner: string,
  data: AnyData,
  asked: readonly AskedTarget[],
  signal: AbortSignal | undefined,
  number?: (row: number) => number
): Promise<Rows> {
  return await finishPaced(readRows(state, owner, data, asked, number), { signal })
}

/**
 * The same in slices.
 *
 * @param number of a row in its source, for messages
 */
export function* readRows(
  state: ModelState,
  owner: string,
  data: AnyData,
  asked: readonly AskedTarget[],
  number?: (row: number) => number
): Sliced<Rows> {
  const { x, y, sampleWeight } = expectData(owner, data)
  const inputs = yield* readInputs(owner, x, state.inputs)
  const given = targetsOf(owner, state, y, asked)
  const numbered = number ? { number } : {}
  const targets: Targets[] = []
  for (const each of asked) {
    const value = given[each.output]
    const source = yield* targetRows(owner, value, { ...targetRequest(state, each, value), ...numbered })
    checkRows(owner, inputs[0]!, source)
    targets.push({ output: each.output, source })
  }
  const read = { rows: inputs[0]!.rows, inputs, targets }
  if (sampleWeight === undefined) return read
  const weights = yield* weightRows(owner, sampleWeight, { name: 'sampleWeight', ...numbered })
  assertSameRows(owner, inputs[0]!, weights)
  return { ...read, weights }
}

/** Rows first … first + count − 1 of all sources, not copied. */
export function partOf({ inputs, targets, weights }: Rows, first: number, count: number): Rows {
  const part = (source: RowSource): RowSource => rowRange(source, first, count)
  return {
    rows: count,
    inputs: inputs.map(part),
    targets: targets.map(({ output, source }) => ({ output, source: part(source) })),
    ...(weights ? { weights: part(weights) } : {})
  }
}

function expectData(owner: string, data: AnyData): AnyData {
  if (typeof data !== 'object' || data === null || !('x' in data) || !('y' in data)) throw wrongKind(owner, 'data as { x, y }', data)
  // Other keys are the caller's own; one that is nearly this one would be left out unnoticed.
  for (const key of Object.keys(data))
    if (key !== 'sampleWeight' && nearest(key, ['sampleWeight'])) throw wrongKind(owner, 'data as { x, y, sampleWeight }', key)
  return data
}

function checkRows(owner: string, x: RowSource, y: RowSource): void {
  assertSameRows(owner, x, y)
  if (x.rows === 0) throw new ShapeError(expectation(owner, 'at least one row', 'none'), { expected: 1, actual: 0 })
}

/** `y` by output: that of the only one, or those of a record, which may have others than are asked for. */
function targetsOf(owner: string, { description }: ModelState, y: unknown, asked: readonly AskedTarget[]): readonly unknown[] {
  const { outputs } = description
  if (outputs[0]!.key === undefined) return [y]
  const names = asked.map(({ key }) => key)
  const expected = `y to be { ${names.join(', ')} }`
  const given = outputsByName(owner, 'y', description, y)
  if (!given) throw wrongKind(owner, expected, y, 'Give the targets by the names of the outputs')
  for (const name of names)
    if (!Object.hasOwn(given, name!) || given[name!] === undefined)
      throw new ShapeError(expectation(owner, expected, `one without ${name}`), { expected: names, actual: Object.keys(given) })
  return outputs.map(({ key }) => given[key!])
}

/** What `y` has to be for the loss; without one, what it looks like: floating-point numbers are values, integers classes. */
function targetRequest({ description }: ModelState, { output, target: name, loss }: AskedTarget, y: unknown): TargetRequest {
  const outputShape = description.outputs[output]!.shape
  const target = loss?.target ?? (looksLikeValues(y) ? 'values' : 'classes')
  const bounded = target === 'classes' && outputShape.length === 1 && outputShape[0]! > 1
  const ignored = loss?.ignoreIndex
  return {
    name,
    target,
    rowShape: outputShape,
    ...(bounded ? { classes: outputShape[0]! } : {}),
    ...(ignored === undefined ? {} : { ignored })
  }
}

function looksLikeValues(y: unknown): boolean {
  const { data = y } = (Array.isArray(y) ? {} : (y ?? {})) as { data?: unknown }
  return data instanceof Float32Array || data instanceof Float64Array || (Array.isArray(data) && typeof data[0] === 'object')
}

/** What an evaluation is asked for. */
export interface EvaluationRequest {
  readonly owner: string
  readonly asked: readonly Asked[]
  /** Of those of them that have one. */
  readonly losses: Losses | undefined
  readonly batchSize: number
  readonly signal: AbortSignal | undefined
}

/** Rows to tally, and the number of each in its source. */
export interface TallyRows extends Rows {
  /** The model's numbers, where others may write meanwhile; omitted: nobody may. */
  readonly kept?: KeptState
  number(row: number): number
}

/** Runs the model over rows in inference mode and adds them to the tally: sums in float64, in the order of the rows. */
export async function tallyRows(state: ModelState, request: EvaluationRequest, tally: Tally, rows: TallyRows): Promise<void> {
  const { owner, asked, losses, batchSize, signal } = request
  const { kept, number } = rows
  const cut = cutBatches(rows.rows, batchSize, 'balance')
  const elements = rowElements(state.description.outputs)
  const plan = () => {
    const { plans } = kept ?? state
    return losses ? plans.evaluation(losses, cut.largest) : plans.inference(cut.largest, batchSize)
  }
  const withLoss = asked.filter(({ loss }) => loss)
  const targets = rows.targets.filter(({ output }) => withLoss.some((each) => each.output === output))
  const sources = sourcesOf({ rows: rows.rows, inputs: rows.inputs, targets })
  await state.feeds.borrow(async (memories) =>
    runCrossings({
      owner,
      signal,
      memories,
      cut,
      runtime: state.runtime,
      gate: state.gate,
      access: kept ? 'single' : 'reading',
      running: [state.running],
      clock: new StepClock(),
      sources,
      // A row's loss and weight, of each.
      outputs: [...elements, ...withLoss.flatMap(() => [1, 1])],
      slots: 0,
      reports: 0,
      plan,
      done: async (feed, result, { program }) => {
        await finishPaced(tally.add(rows, feed, result.completed), { signal })
        if (result.status === 0) return
        const failure = describeFailure(state.description, program, result)
        const first = cut.start(feed.firstBatch + result.completed)
        throw failureError(owner, failure, { at: (row) => first + row, number, sources })
      }
    })
  )
}
