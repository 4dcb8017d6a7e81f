import type { Program } from '../graph/program.js'
import { evaluationProgram, inferenceProgram, type Loss } from '../programs/index.js'
import type { CompiledProgram, Executor, Runtime } from '../runtime/runtime.js'
import type { ModelState } from './model-state.js'

/** A Program that is ready to run, for batches up to `maxBatch`. */
export class Plan {
  readonly program: Program
  readonly maxBatch: number
  readonly executor: Executor
  readonly #compiled: CompiledProgram

  constructor(
    runtime: Runtime,
    program: Program,
    options: { readonly maxBatch: number; readonly memory: Readonly<Record<string, ArrayBufferLike>> }
  ) {
    this.program = program
    this.maxBatch = options.maxBatch
    this.#compiled = runtime.compile(program)
    this.executor = this.#compiled.bind(options.memory)
  }

  dispose(): void {
    this.executor.dispose()
    this.#compiled.dispose()
  }
}

/** The largest batch to plan for: what is asked for at first, then at least twice as much, so that plans are few. */
export function grownBatch(current: number | undefined, rows: number, cap = Number.POSITIVE_INFINITY): number {
  return current === undefined ? rows : Math.max(rows, Math.min(2 * current, cap))
}

/** A model's plans for prediction and evaluation: made when first asked for, and anew for larger batches. Asked inside a turn. */
export class Plans {
  readonly #state: ModelState
  #inference: Plan | undefined
  #evaluation: { readonly plan: Plan; readonly loss: Loss } | undefined

  constructor(state: ModelState) {
    this.#state = state
  }

  inference(rows: number, cap: number): Plan {
    const old = this.#inference
    if (old && old.maxBatch >= rows) return old
    const maxBatch = grownBatch(old?.maxBatch, rows, cap)
    this.#inference = this.#plan(inferenceProgram(this.#state.description, { maxBatch }), maxBatch)
    old?.dispose()
    return this.#inference
  }

  evaluation(loss: Loss, rows: number): Plan {
    const old = this.#evaluation
    if (old && old.plan.maxBatch >= rows && sameLoss(old.loss, loss)) return old.plan
    const plan = this.#plan(evaluationProgram(this.#state.description, { loss, maxBatch: rows }), rows)
    this.#evaluation = { plan, loss }
    old?.plan.dispose()
    return plan
  }

  dispose(): void {
    this.#inference?.dispose()
    this.#evaluation?.plan.dispose()
    this.#inference = this.#evaluation = undefined
  }

  #plan(program: Program, maxBatch: number): Plan {
    const { runtime, memory } = this.#state
    return new Plan(runtime, program, { maxBatch, memory })
  }
}

/** `softmaxCrossEntropy()` gives a new object each time; its function is the same. */
function sameLoss(a: Loss, b: Loss): boolean {
  return a === b || (a.apply === b.apply && JSON.stringify(a.options) === JSON.stringify(b.options))
}
