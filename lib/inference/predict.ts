import { cutBatches } from '../data/batches.js'
import { runCrossings, type StepClock } from '../data/crossings.js'
import type { FeedPool } from '../data/feed.js'
import type { Gate } from '../data/gate.js'
import type { InputPort } from '../data/input-spec.js'
import { type Cancellation, cancelledBy } from '../data/lock.js'
import { readInputs } from '../data/named-rows.js'
import { finishPaced } from '../data/pace.js'
import type { RowSource } from '../data/rows.js'
import type { Port } from '../layers/ports.js'
import { checkOptions, integerOption, signalOption } from '../options.js'
import type { InputBinding, Runtime } from '../runtime/runtime.js'
import { staticElementCount } from '../shape.js'
import { finish, type Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'
import { assertPredicted } from './failure-error.js'
import type { Plan } from './plans.js'

export interface PredictOptions {
  /** Stops before the next batch; rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Rows a step at most; default 1024. The numbers do not depend on it. */
  readonly batchSize?: number
}

/** What maps rows to rows: a model in inference mode, or a predictor. */
export interface Predicting {
  readonly runtime: Runtime
  readonly gate: Gate
  readonly feeds: FeedPool
  readonly clock: StepClock
  readonly running: Set<Cancellation>
  readonly inputs: readonly InputPort[]
  readonly outputs: readonly Port[]
  /** Whether it changes by refreshing alone: a call then reads from its very beginning. */
  readonly refreshes?: boolean
  /** Largest batch that the plan may have. */
  readonly maxBatch?: number
  /** Readies it for a run, off the event loop where that is long; undefined where it is ready. */
  settle(owner: string, signal: AbortSignal | undefined): Promise<void> | undefined
  settleSync(owner: string): void
  /** Inside a turn: ready at once where it is planned, else in slices. */
  plan(rows: number, cap: number): Sliced<Plan>
}

/** What a model gives: its only output, or its outputs by name. */
export type ModelOutput = Tensor | Readonly<Record<string, Tensor>>

/** 1024 rows fill the kernels' blocks; more gains nothing and takes memory. */
export const defaultBatch = 1024

/** Options as `predictOptions` gives them. */
export interface Prediction {
  readonly signal: AbortSignal | undefined
  readonly batchSize: number
}

export async function predict(target: Predicting, owner: string, x: unknown, options: Prediction): Promise<ModelOutput> {
  const { signal } = options
  signal?.throwIfAborted()
  const run = async (): Promise<ModelOutput> => {
    const sources = await finishPaced(readInputs(owner, x, target.inputs), { signal })
    await target.settle(owner, signal)
    return await predictRows(target, owner, sources, options)
  }
  const { gate, refreshes } = target
  return await gate.operation(owner, () =>
    // What is asked before a refresh sees what was before it, however long its rows take to be read.
    refreshes ? cancelledBy(signal, (cancellation) => gate.reading(owner, run, cancellation)) : run()
  )
}

async function predictRows(
  target: Predicting,
  owner: string,
  sources: readonly RowSource[],
  { signal, batchSize }: Prediction
): Promise<ModelOutput> {
  const { rows } = sources[0]!
  const results = resultsFor(target, rows)
  const cut = cutBatches(rows, batchSize, 'balance')
  const elements = rowElements(target.outputs)
  await target.feeds.borrow(async (memories) =>
    runCrossings({
      owner,
      signal,
      memories,
      cut,
      runtime: target.runtime,
      gate: target.gate,
      access: target.refreshes ? 'held' : 'reading',
      clock: target.clock,
      running: [target.running],
      sources,
      outputs: elements,
      slots: 0,
      reports: 0,
      plan: () => target.plan(cut.largest, batchSize),
      done: async (feed, result, { program }) => {
        assertPredicted(owner, program, result, sources, (batch) => cut.start(feed.firstBatch + batch))
        const { completed } = result
        for (const [index, { data }] of results.entries()) {
          const rows = feed.output(index).subarray(0, feed.rows(completed) * elements[index]!)
          await finishPaced(copied(data, rows, feed.firstRow * elements[index]!))
        }
      }
    })
  )
  return named(target, results)
}

/** Elements that one slice copies out, fresh pages of the result included: under 0.3 ms. */
const copySlice = 1 << 16

function* copied(target: Float32Array, source: Float32Array, offset: number): Sliced<void> {
  for (let start = 0; start < source.length; start += copySlice) {
    target.set(source.subarray(start, start + copySlice), offset + start)
    yield
  }
}

export function predictSync(target: Predicting, owner: string, x: unknown, options: { batchSize?: number } | undefined): ModelOutput {
  const given = checkOptions(owner, options, ['batchSize'], { signal: 'A synchronous call cannot be aborted: use predict' })
  const batchSize = batchOption(target, owner, given.batchSize)
  target.gate.assertIdle(owner)
  const sources = finish(readInputs(owner, x, target.inputs))
  target.settleSync(owner)
  const { rows } = sources[0]!
  const results = resultsFor(target, rows)
  const cut = cutBatches(rows, batchSize, 'balance')
  if (cut.count === 0) return named(target, results)
  const plan = finish(target.plan(cut.largest, batchSize))
  const result = plan.executor.runSync({
    steps: cut.count,
    symbols: Float64Array.from({ length: cut.count }, (_, index) => cut.size(index)),
    slots: new Float64Array(0),
    inputs: sources.map(binding),
    outputs: results.map(({ data }) => data),
    results: new Float64Array(0)
  })
  assertPredicted(owner, plan.program, result, sources, (batch) => cut.start(batch))
  return named(target, results)
}

/** A source from its first row on, as a run reads it. */
export function binding({ data, scale, shift }: Pick<RowSource, 'data' | 'scale' | 'shift'>): InputBinding {
  return { source: data, ...(scale === undefined ? {} : { scale }), ...(shift === undefined ? {} : { shift }) }
}

/** Elements of a row of each. */
export function rowElements(ports: readonly Pick<Port, 'shape'>[]): readonly number[] {
  return ports.map(({ shape }) => staticElementCount(shape))
}

export function resultsFor({ outputs }: Predicting, rows: number): readonly Tensor[] {
  return outputs.map(({ shape }) => ({
    data: new Float32Array(rows * staticElementCount(shape)),
    shape: Object.freeze([rows, ...shape])
  }))
}

/** The only output, or each by its name. */
export function named({ outputs }: Predicting, results: readonly Tensor[]): ModelOutput {
  if (outputs[0]!.key === undefined) return results[0]!
  return Object.fromEntries(outputs.map(({ key }, index) => [key!, results[index]!]))
}

export function predictOptions(target: Predicting, owner: string, options: PredictOptions | undefined): Prediction {
  const { signal, batchSize } = checkOptions(owner, options, ['signal', 'batchSize'])
  return { signal: signalOption(owner, signal), batchSize: batchOption(target, owner, batchSize) }
}

function batchOption({ maxBatch = Number.MAX_SAFE_INTEGER }: Predicting, owner: string, value: unknown): number {
  return integerOption(owner, 'batchSize', value, Math.min(defaultBatch, maxBatch), {
    atLeast: 1,
    ...(maxBatch === Number.MAX_SAFE_INTEGER ? {} : { atMost: maxBatch })
  })
}
