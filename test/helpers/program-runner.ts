import type { Program } from '../../lib/graph/program.js'
import type { TypedArray } from '../../lib/kernels/types.js'
import type { CrossingResult, InputBinding, Runtime } from '../../lib/runtime/runtime.js'
import { evaluateDimension } from '../../lib/shape.js'

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array }

/** A Program with memory of its own for every persistent region, run step by step on this thread. */
export class ProgramRunner {
  readonly memory: Readonly<Record<string, ArrayBufferLike>>
  readonly #program: Program
  readonly #executor: ReturnType<ReturnType<Runtime['compile']>['bind']>

  constructor(runtime: Runtime, program: Program, shared: Readonly<Record<string, ArrayBufferLike>> = {}, threads?: number) {
    this.#program = program
    const persistent = program.regions.filter(({ kind }) => !['input', 'output', 'scratch'].includes(kind))
    this.memory = Object.fromEntries(persistent.map(({ name, bytes }) => [name, shared[name] ?? runtime.allocate(bytes)]))
    this.#executor = runtime.compile(program).bind(this.memory, threads)
  }

  floats(region: string, offset = 0, length?: number): Float32Array {
    return new Float32Array(this.memory[region]!, offset * 4, length)
  }

  /** One step over all rows of the inputs. */
  step(inputs: Readonly<Record<string, InputBinding['source']>>, batch: number, slots: Readonly<Record<string, number>> = {}): StepOutcome {
    const { regions, reports } = this.#program
    const outputs: TypedArray[] = []
    const named: Record<string, TypedArray> = {}
    for (const { kind, name, rows, rowElements, dtype } of regions) {
      if (kind !== 'output') continue
      const array = new arrays[dtype!](evaluateDimension(rows!, { batch }) * rowElements!)
      outputs.push(array)
      named[name] = array
    }
    const results = new Float64Array(reports.length)
    const result = this.#executor.runSync({
      steps: 1,
      symbols: Float64Array.of(batch),
      slots: Float64Array.from(this.#program.slots, (name) => slots[name] ?? 0),
      inputs: regions.filter(({ kind }) => kind === 'input').map(({ name }) => ({ source: inputs[name]! })),
      outputs,
      results
    })
    return { result, outputs: named, reports: Object.fromEntries(reports.map(({ name }, index) => [name, results[index]!])) }
  }

  dispose(): void {
    this.#executor.dispose()
  }
}

export interface StepOutcome {
  readonly result: CrossingResult
  readonly outputs: Readonly<Record<string, TypedArray>>
  readonly reports: Readonly<Record<string, number>>
}
