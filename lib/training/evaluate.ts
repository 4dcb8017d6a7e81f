import { cutBatches } from '../data/batches.js'
import { runCrossings, StepClock } from '../data/crossings.js'
import { readInputs } from '../data/named-rows.js'
import { finishPaced } from '../data/pace.js'
import {
  assertSameRows,
  type InputData,
  type RowSource,
  rowRange,
  type TargetData,
  type TargetRequest,
  targetRows,
  weightRows
} from '../data/rows.js'
import { expectation, ShapeError, withCode, wrongKind } from '../errors.js'
import { failureError } from '../inference/failure-error.js'
import type { ModelState } from '../inference/model-state.js'
import { rowElements } from '../inference/predict.js'
import { nearest } from '../options.js'
import { describeFailure, type Loss } from '../programs/index.js'
import type { Sliced } from '../sliced.js'
import { asLoss, type LossFunction } from './define-loss.js'
import { accuracy, type Metric, type MetricValue } from './metrics.js'
import type { Tally } from './tally.js'

/** Rows to train or evaluate on. */
export interface DataSet {
  readonly x: InputData
  readonly y: TargetData
  /** What each row counts for, none negative: in the loss, its gradients and in metrics. Default: 1. */
  readonly sampleWeight?: InputData
}

export interface EvaluateOptions {
  /** What the result's `loss` is the mean of. */
  readonly loss?: Loss | LossFunction
  /** Default [accuracy()]; with a loss over values, none. */
  readonly metrics?: readonly Metric[]
  /** Rows a step at most; default 1024. The numbers do not depend on it. */
  readonly batchSize?: number
  readonly signal?: AbortSignal
}

/** The metrics by name. */
export interface Evaluation {
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

/** In the order of the inputs of a Program that trains; one that evaluates takes no weights. */
export function sourcesOf({ inputs, targets, weights }: Rows): readonly RowSource[] {
  return [...inputs, ...(weights ? [weights] : []), ...targets.map(({ source }) => source)]
}

/** `{ x, y }` as rows, of the types that model and loss ask for; at least one row. */
export async function readData(
  state: ModelState,
  owner: string,
  data: DataSet,
  loss: Loss | undefined,
  signal: AbortSignal | undefined
): Promise<Rows> {
  return await finishPaced(readRows(state, owner, data, loss), { signal })
}

/** The same in slices. */
export function* readRows(state: ModelState, owner: string, data: DataSet, loss: Loss | undefined): Sliced<Rows> {
  const { x, y, sampleWeight } = expectData(owner, data)
  const inputs = yield* readInputs(owner, x, state.inputs)
  const source = yield* targetRows(owner, y, targetRequest(state, loss, y))
  checkRows(owner, inputs[0]!, source)
  const read = { rows: source.rows, inputs, targets: [{ output: 0, source }] }
  if (sampleWeight === undefined) return read
  const weights = yield* weightRows(owner, sampleWeight, { name: 'sampleWeight' })
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

function expectData(owner: string, data: DataSet): DataSet {
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

/** What `y` has to be for the loss; without one, what it looks like: floating-point numbers are values, integers classes. */
function targetRequest({ description: { outputs } }: ModelState, loss: Loss | undefined, y: unknown): TargetRequest {
  const outputShape = outputs[0]!.shape
  const target = loss?.target ?? (looksLikeValues(y) ? 'values' : 'classes')
  const bounded = target === 'classes' && outputShape.length === 1 && outputShape[0]! > 1
  const ignored = loss?.ignoreIndex
  return {
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

/** Training and evaluation know a model's only output: one among several, or with a name, is predicted alone. */
export function assertOneOutput(owner: string, { description: { outputs } }: ModelState): void {
  if (outputs[0]!.key === undefined) return
  const names = outputs.map(({ key }) => key).join(', ')
  throw withCode(
    new TypeError(expectation(owner, 'a model with one output without a name', `one with the outputs ${names}`, 'It can predict')),
    'EVENKEEL_TYPE'
  )
}

export function expectLoss(owner: string, value: unknown): Loss {
  const loss = asLoss(value)
  if (loss) return loss
  const advice = typeof value === 'function' ? 'Call it: softmaxCrossEntropy(), not softmaxCrossEntropy' : undefined
  throw wrongKind(owner, 'loss to be a loss such as softmaxCrossEntropy(), or a function of prediction and target', value, advice)
}

/** The metrics asked for, or those that fit the loss. */
export function metricsOption(owner: string, value: unknown, loss: Loss | undefined): readonly Metric[] {
  if (value === undefined) return loss?.target === 'values' ? [] : [accuracy()]
  if (!Array.isArray(value)) throw wrongKind(owner, 'metrics to be an array', value, 'Such as [accuracy()]')
  const names = new Set(['loss'])
  for (const metric of value) {
    const { name, start } = (metric ?? {}) as Partial<Metric>
    if (typeof name !== 'string' || typeof start !== 'function')
      throw wrongKind(
        owner,
        'metrics such as accuracy()',
        metric,
        typeof metric === 'function' ? 'Call it: accuracy(), not accuracy' : undefined
      )
    if (names.has(name))
      throw withCode(new TypeError(expectation(owner, 'every metric to have a name of its own', `'${name}' twice`)), 'EVENKEEL_NAME')
    names.add(name)
  }
  return value
}

/** What an evaluation is asked for. */
export interface EvaluationRequest {
  readonly owner: string
  readonly loss: Loss | undefined
  readonly metrics: readonly Metric[]
  readonly batchSize: number
  readonly signal: AbortSignal | undefined
}

/** Rows to tally: whether the gate is held already, and the number of each in its source. */
export interface TallyRows extends Rows {
  readonly access: 'reading' | 'held'
  number(row: number): number
}

/** Runs the model over rows in inference mode and adds them to the tally: sums in float64, in the order of the rows. */
export async function tallyRows(state: ModelState, request: EvaluationRequest, tally: Tally, rows: TallyRows): Promise<void> {
  const { owner, loss, batchSize, signal } = request
  const { access, number } = rows
  const cut = cutBatches(rows.rows, batchSize, 'balance')
  const elements = rowElements(state.description.outputs)
  const plan = () => (loss ? state.plans.evaluation(loss, cut.largest) : state.plans.inference(cut.largest, batchSize))
  const { weights: _, ...evaluated } = rows
  await state.feeds.borrow(async (memories) =>
    runCrossings({
      owner,
      signal,
      memories,
      cut,
      runtime: state.runtime,
      gate: state.gate,
      access,
      running: [state.running],
      clock: new StepClock(),
      sources: loss ? sourcesOf(evaluated) : rows.inputs,
      outputs: loss ? [...elements, 1, 1] : elements,
      slots: 0,
      reports: 0,
      plan,
      done: async (feed, result, { program }) => {
        await finishPaced(tally.add(rows, feed, result.completed), { signal })
        if (result.status === 0) return
        const failure = describeFailure(state.description, program, result)
        const first = cut.start(feed.firstBatch + result.completed)
        throw failureError(owner, failure, { sourceRow: (row) => number(first + row), sources: sourcesOf(evaluated) })
      }
    })
  )
}
