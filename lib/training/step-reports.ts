import type { Program } from '../graph/program.js'
import { weightLabel } from '../programs/index.js'
import type { Objective } from '../programs/types.js'

/** What a step says of its losses: their sum, and each output's own where outputs have names. */
export interface StepLosses {
  readonly loss: number
  readonly losses?: Readonly<Record<string, number>>
}

/** What a step tells. */
export interface StepTold extends StepLosses {
  /** √Σg² over all trained parameters, before it was clipped: where the optimizer has `clipNorm`. */
  readonly gradientNorm?: number
}

interface Term {
  readonly key: string | undefined
  readonly factor: number
  /** Where its mean stands among the reports of a step. */
  readonly loss: number
  /** Where the sum of its rows' weights stands; −1 where each row weighs 1. */
  readonly weight: number
}

/** Finds what a step tells among the results of a crossing. */
export class StepReports {
  /** Values a step. */
  readonly count: number
  readonly #terms: readonly Term[]
  readonly #gradientNorm: number

  constructor({ reports }: Program, objectives: readonly Objective[]) {
    const at = (name: string): number => reports.findIndex((report) => report.name === name)
    this.count = reports.length
    this.#gradientNorm = at('gradientNorm')
    this.#terms = objectives.map(({ key, weight: factor, label }) => ({ key, factor, loss: at(label), weight: at(weightLabel(key)) }))
  }

  /** Of step `step` of the crossing. `loss` is the first report. */
  read(results: Float64Array, step: number): StepTold {
    const at = step * this.count
    const loss = results[at]!
    const norm = this.#gradientNorm < 0 ? {} : { gradientNorm: results[at + this.#gradientNorm]! }
    if (this.#terms[0]!.key === undefined) return { loss, ...norm }
    return { loss, losses: Object.fromEntries(this.#terms.map((term) => [term.key!, results[at + term.loss]!])), ...norm }
  }

  /** @param sums of a checkpoint */
  means(sums?: readonly number[]): LossMeans {
    return new LossMeans(this.count, this.#terms, sums)
  }

  /** Later steps of the same losses report like this: rows may have weights in one piece of the data and none in another. */
  continue(means: LossMeans): void {
    means.readBy(this.count, this.#terms)
  }
}

/** Means of the losses over the rows of many steps: Σ weight · loss / Σ weight. */
export class LossMeans {
  #count: number
  #terms: readonly Term[]
  /** For each term. */
  readonly #losses: Float64Array
  readonly #weights: Float64Array

  constructor(count: number, terms: readonly Term[], sums: readonly number[] = []) {
    this.#count = count
    this.#terms = terms
    this.#losses = new Float64Array(terms.length)
    this.#weights = new Float64Array(terms.length)
    if (sums.length !== 2 * terms.length) return
    this.#losses.set(sums.slice(0, terms.length))
    this.#weights.set(sums.slice(terms.length))
  }

  /** Exactly: what a checkpoint holds. */
  get sums(): number[] {
    return [...this.#losses, ...this.#weights]
  }

  /** Where the results of later steps stand. */
  readBy(count: number, terms: readonly Term[]): void {
    this.#count = count
    this.#terms = terms
  }

  add(results: Float64Array, step: number, rows: number): void {
    const at = step * this.#count
    for (let i = 0; i < this.#terms.length; i++) {
      const { loss, weight } = this.#terms[i]!
      const weighs = weight < 0 ? rows : results[at + weight]!
      this.#losses[i]! += results[at + loss]! * weighs
      this.#weights[i]! += weighs
    }
  }

  result(): StepLosses {
    const means = this.#terms.map((_, i) => (this.#weights[i] === 0 ? 0 : this.#losses[i]! / this.#weights[i]!))
    if (this.#terms[0]!.key === undefined) return { loss: means[0]! }
    const loss = this.#terms.reduce((sum, { factor }, i) => sum + factor * means[i]!, 0)
    return { loss, losses: Object.fromEntries(this.#terms.map(({ key }, i) => [key!, means[i]!])) }
  }
}
