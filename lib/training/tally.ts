import type { Feed } from '../data/feed.js'
import { assertStable, type RowSource } from '../data/rows.js'
import type { Loss } from '../programs/index.js'
import { staticElementCount } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Metric, MetricTally, MetricValue } from './metrics.js'

/** Numbers that a slice shows to each metric: 0.02 to 0.2 ms. */
const sliceElements = 1 << 13

export interface TallyRequest {
  readonly owner: string
  readonly outputShape: readonly number[]
  readonly loss: Loss | undefined
  readonly metrics: readonly Metric[]
}

/** The rows of a piece, as far as metrics see them. */
interface TallyRows {
  readonly targets: readonly { readonly source: RowSource }[]
  readonly weights?: RowSource
}

/** Gathers the loss and the metrics of one evaluation, in the order of the rows: what comes out does not depend on how they are cut. */
export class Tally {
  readonly #request: TallyRequest
  readonly #elements: number
  readonly #metrics: readonly (readonly [string, MetricTally])[]
  readonly #sliceRows: number
  /** What the rows of a slice weigh, where they do not all weigh 1. */
  readonly #sliceWeights: Float32Array
  /** Σ weight · loss over the rows, and the sum of their weights. */
  #lossSum = 0
  #weightSum = 0

  constructor(request: TallyRequest) {
    const { outputShape, metrics } = request
    this.#request = request
    this.#elements = staticElementCount(outputShape)
    this.#metrics = metrics.map((metric) => [metric.name, metric.start()])
    this.#sliceRows = Math.max(1, Math.floor(sliceElements / Math.max(1, this.#elements)))
    this.#sliceWeights = new Float32Array(this.#sliceRows)
  }

  /** Takes the rows of the feed's first `steps` steps: outputs, and with a loss each row's own and its weight. */
  *add({ targets, weights }: TallyRows, feed: Feed, steps: number): Sliced<void> {
    const { owner, loss } = this.#request
    const target = targets[0]!.source
    const count = feed.rows(steps)
    for (let row = 0; row < count; row += this.#sliceRows) {
      const rows = Math.min(this.#sliceRows, count - row)
      // Here and not before: the caller may have taken the memory away since.
      if (weights) assertStable(owner, weights)
      if (loss) this.#addLosses(feed, row, rows, weights)
      if (this.#metrics.length > 0) {
        assertStable(owner, target)
        this.#addMetrics(feed, row, rows, target, weights)
      }
      yield
    }
  }

  /** A row of weight 0 adds nothing, whatever its loss. */
  #addLosses(feed: Feed, row: number, rows: number, weights: RowSource | undefined): void {
    const [losses, own] = [feed.output(1), feed.output(2)]
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
    const { outputShape } = this.#request
    const elements = this.#elements
    const first = feed.firstRow + row
    const target = source.data.subarray(first * source.rowElements, (first + rows) * source.rowElements) as Float32Array | Int32Array
    const sampleWeight = this.#weightsOf(first, target, weights)
    const output = feed.output(0).subarray(row * elements, (row + rows) * elements)
    for (const [, tally] of this.#metrics)
      tally.update({ rows, output, outputShape, target, ...(sampleWeight ? { sampleWeight: sampleWeight.subarray(0, rows) } : {}) })
  }

  /** undefined where all weigh 1. */
  #weightsOf(first: number, target: Float32Array | Int32Array, weights: RowSource | undefined): Float32Array | undefined {
    const ignored = this.#request.loss?.ignoreIndex
    if (!weights && ignored === undefined) return undefined
    const slice = this.#sliceWeights
    if (weights) slice.set(weights.data.subarray(first, Math.min(first + slice.length, weights.rows)))
    else slice.fill(1)
    if (ignored !== undefined) for (let i = 0; i < target.length; i++) if (target[i] === ignored) slice[i] = 0
    return slice
  }

  async result(): Promise<Readonly<Record<string, MetricValue>>> {
    const results: Record<string, MetricValue> = {}
    if (this.#request.loss) results.loss = this.#weightSum === 0 ? 0 : this.#lossSum / this.#weightSum
    for (const [name, tally] of this.#metrics) results[name] = await tally.result()
    return results
  }
}
