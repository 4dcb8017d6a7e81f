import type { Program } from '../graph/program.js'
import { Status } from '../kernels/types.js'
import type { MicroBatches } from '../programs/types.js'
import type { Crossing, CrossingResult, Executor } from '../runtime/runtime.js'

/** A crossing of parts, and what each belongs to. */
interface Parts {
  readonly crossing: Crossing
  /** Of each part: its step, its first row in it, and its rows over the step's. */
  readonly steps: readonly number[]
  readonly firstRows: readonly number[]
  readonly shares: readonly number[]
}

/**
 * Runs each step of a crossing as several of a Program that takes a batch in parts, the rows of which follow each other.
 * To whoever calls it, it is the executor of a Program that takes whole batches.
 */
export class MicroBatchExecutor implements Executor {
  readonly #inner: Executor
  readonly #program: Program
  readonly #microBatches: MicroBatches

  constructor(inner: Executor, program: Program, microBatches: MicroBatches) {
    this.#inner = inner
    this.#program = program
    this.#microBatches = microBatches
  }

  async run(crossing: Crossing): Promise<CrossingResult> {
    const parts = this.#parts(crossing)
    return this.#whole(crossing, parts, await this.#inner.run(parts.crossing))
  }

  runSync(crossing: Crossing): CrossingResult {
    const parts = this.#parts(crossing)
    return this.#whole(crossing, parts, this.#inner.runSync(parts.crossing))
  }

  cancel(): void {
    this.#inner.cancel()
  }

  dispose(): void {
    this.#inner.dispose()
  }

  #parts(crossing: Crossing): Parts {
    const { rows, dropouts } = this.#microBatches
    const steps: number[] = []
    const firstRows: number[] = []
    const shares: number[] = []
    const symbols: number[] = []
    const slots: number[] = []
    const given = this.#program.slots.length - dropouts.length - 1
    for (let step = 0; step < crossing.steps; step++) {
      const whole = crossing.symbols[step]!
      for (let first = 0; first < whole; first += rows) {
        const part = Math.min(rows, whole - first)
        steps.push(step)
        firstRows.push(first)
        shares.push(part / whole)
        symbols.push(part, first === 0 ? 1 : 0, first + part === whole ? 1 : 0)
        slots.push(...crossing.slots.subarray(step * given, (step + 1) * given), part / whole)
        for (const elements of dropouts) slots.push((first * elements) / 8)
      }
    }
    const inner = {
      ...crossing,
      steps: steps.length,
      symbols: Float64Array.from(symbols),
      slots: Float64Array.from(slots),
      results: new Float64Array(steps.length * this.#program.reports.length)
    }
    return { crossing: inner, steps, firstRows, shares }
  }

  #whole(crossing: Crossing, { crossing: inner, steps, firstRows, shares }: Parts, result: CrossingResult): CrossingResult {
    const { reports } = this.#program
    crossing.results.fill(0)
    for (let part = 0; part < result.completed; part++)
      for (const [index, { name }] of reports.entries()) {
        const at = steps[part]! * reports.length + index
        const value = inner.results[part * reports.length + index]!
        // Means add up by their shares; the norm is that of the sum, which the last part has.
        if (name === 'gradientNorm') crossing.results[at] = value
        else crossing.results[at] = crossing.results[at]! + shares[part]! * value
      }
    const completed = result.completed === steps.length ? crossing.steps : steps[result.completed]!
    return { ...result, completed, detail: result.detail + this.#skippedElements(result, firstRows) }
  }

  /** How far into the step's input a part begins whose rows a kernel refused. */
  #skippedElements({ status, segment, call, completed }: CrossingResult, firstRows: readonly number[]): number {
    if (status === Status.ok) return 0
    const { regions, segments } = this.#program
    const { operands } = segments[segment]!.calls[call]!
    // Where numbers are looked up, it is they that are refused, and not where they are looked up.
    const whole = operands.filter((operand) => operand?.dtype === 'int32')
    const read = whole.length > 0 ? whole : operands
    const input = read.map((operand) => operand && regions[operand.region]!).find((region) => region?.kind === 'input')
    return input ? firstRows[completed]! * input.rowElements! : 0
  }
}
