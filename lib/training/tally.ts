import type { Feed } from '../data/feed.js'
import { assertStable, type RowSource } from '../data/rows.js'
import { wrongKind } from '../errors.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Asked } from './by-output.js'
import type { Metric, MetricTally, MetricValue } from './metrics.js'

/** Numbers that a slice shows to each metric: 0.02 to 0.2 ms. */
const sliceElements = 1 << 13

export interface TallyRequest {
  readonly owner: string
  readonly outputs: readonly { readonly shape: StaticShape }[]
  readonly asked: readonly Asked[]
}

/** The rows of a piece, as far as metrics see them. */
interface TallyRows {
  /** One for each output that is asked for. */
  readonly targets: readonly { readonly source: RowSource }[]
  readonly weights?: RowSource
}

/** Gathers losses and metrics of one evaluation, in the order of the rows: what comes out does not depend on how they are cut. */
export class Tally {
  readonly #owner: string
  readonly #outputs: readonly OutputTally[]

  constructor({ owner, outputs, asked }: TallyRequest) {
    this.#owner = owner
    let place = outputs.length
    this.#outputs = asked.map((each) => {
      const rowLoss = place
      if (each.loss) place += 2
      return new OutputTally(owner, each, outputs[each.output]!.shape, rowLoss)
    })
  }

  /** Takes the rows of the feed's first `steps` steps: outputs, and of each loss the rows' own and their weights. */
  *add({ targets, weights }: TallyRows, feed: Feed, steps: number): Sliced<void> {
    const count = feed.rows(steps)
    for (const [index, output] of this.#outputs.entries()) {
      const { source } = targets[index]!
      for (let row = 0; row < count; row += output.sliceRows) {
        // Here and not before: the caller may have taken the memory away since.
        if (weights) assertStable(this.#owner, weights)
        assertStable(this.#owner, source)
        output.add(feed, row, Math.min(output.sliceRows, count - row), source, weights)
        yield
      }
    }
  }

  async result(): Promise<Readonly<Record<string, MetricValue>>> {
    const results: Record<string, MetricValue> = {}
    const losses = this.#outputs.filter(({ asked }) => asked.loss)
    if (losses.length > 0) results.loss = losses.map(({ asked, loss }) => asked.weight * loss).reduce((sum, term) => sum + term)
    for (const { asked, loss, metrics } of this.#outputs) {
      const own = (name: string): string => (asked.key === undefined ? name : `${asked.key}.${name}`)
      if (asked.loss) results[own('loss')] = loss
      for (const [name, tally] of metrics) results[own(name)] = await tally.result()
    }
    return results
  }
}

function started(owner: string, metric: Metric): MetricTally {
  const tally: unknown = metric.start()
  const { update, result } = (tally ?? {}) as Partial<MetricTally>
  if (typeof update === 'function' && typeof result === 'function') return tally as MetricTally
  throw wrongKind(owner, `start() of the metric '${metric.name}' to give { update, result }`, tally)
}

/** Of one output. */
class OutputTally {
  readonly asked: Asked
  readonly metrics: readonly (readonly [string, MetricTally])[]
  readonly sliceRows: number
  readonly #shape: StaticShape
  readonly #elements: number
  /** Where the Program has the rows' losses; their weights follow. */
  readonly #rowLoss: number
  /** What the rows of a slice weigh, where they do not all weigh 1. */
  readonly #sliceWeights: Float32Array
  /** Σ weight · loss over the rows, and the sum of their weights. */
  #lossSum = 0
  #weightSum = 0

  constructor(owner: string, asked: Asked, shape: StaticShape, rowLoss: number) {
    this.asked = asked
    this.metrics = asked.metrics.map((metric) => [metric.name, started(owner, metric)])
    this.#shape = shape
    this.#elements = staticElementCount(shape)
    this.#rowLoss = rowLoss
    this.sliceRows = Math.max(1, Math.floor(sliceElements / Math.max(1, this.#elements)))
    this.#sliceWeights = new Float32Array(this.sliceRows)
  }

  add(feed: Feed, row: number, rows: number, target: RowSource, weights: RowSource | undefined): void {
    if (this.asked.loss) this.#addLosses(feed, row, rows, weights)
    if (this.metrics.length > 0) this.#addMetrics(feed, row, rows, target, weights)
  }

  get loss(): number {
    return this.#weightSum === 0 ? 0 : this.#lossSum / this.#weightSum
  }

  /** A row of weight 0 adds nothing, whatever its loss. */
  #addLosses(feed: Feed, row: number, rows: number, weights: RowSource | undefined): void {
    const [losses, own] = [feed.output(this.#rowLoss), feed.output(this.#rowLoss + 1)]
    const sample = weights?.data
    for (let i = row; i < row + rows; i++) {
      // As a training step multiplies them.
      const weight = sample ? Math.fround(own[i]! * sample[feed.firstRow + i]!) : own[i]!
      if (weight === 0) continue
      this.#lossSum += weight * losses[i]!
      this.#weightSum += weight
    }
  }

  #addMetrics(feed: Feed, row: number, rows: number, source: RowSource, weights: RowSource | undefined): void {
    const outputShape = this.#shape
    const elements = this.#elements
    const first = feed.firstRow + row
    const target = source.data.subarray(first * source.rowElements, (first + rows) * source.rowElements) as Float32Array | Int32Array
    const sampleWeight = this.#weightsOf(first, target, weights)
    const output = feed.output(this.asked.output).subarray(row * elements, (row + rows) * elements)
    const batch = { rows, output, outputShape, target, ...(sampleWeight ? { sampleWeight: sampleWeight.subarray(0, rows) } : {}) }
    for (const [name, tally] of this.metrics) {
      const updated: unknown = tally.update(batch)
      // What it would read after a wait is memory of the next rows by then.
      if (updated instanceof Promise)
        throw wrongKind(`${name}.update`, 'to be done when it returns', updated, 'Make it a synchronous function; result() may wait')
    }
  }

  /** undefined where all weigh 1. */
  #weightsOf(first: number, target: Float32Array | Int32Array, weights: RowSource | undefined): Float32Array | undefined {
    const ignored = this.asked.loss?.ignoreIndex
    if (!weights && ignored === undefined) return undefined
    const slice = this.#sliceWeights
    if (weights) slice.set(weights.data.subarray(first, Math.min(first + slice.length, weights.rows)))
    else slice.fill(1)
    if (ignored !== undefined) for (let i = 0; i < target.length; i++) if (target[i] === ignored) slice[i] = 0
    return slice
  }
}
