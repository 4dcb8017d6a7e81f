import type { Program } from '../graph/program.js'
import { evaluationStages, inferenceStages, isLoss, type Losses } from '../programs/index.js'
import type { CompiledProgram, Executor, Runtime } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { ModelState } from './model-state.js'

/** A Program that is ready to run, for batches up to `maxBatch`. */
export class Plan {
  readonly program: Program
  readonly maxBatch: number
  readonly executor: Executor
  readonly #compiled: CompiledProgram

  constructor(compiled: CompiledProgram, memory: Readonly<Record<string, ArrayBufferLike>>, maxBatch: number) {
    this.program = compiled.program
    this.maxBatch = maxBatch
    this.#compiled = compiled
    this.executor = compiled.bind(memory)
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
  readonly #state: Pick<ModelState, 'runtime' | 'description' | 'memory'>
  #inference: Plan | undefined
  #evaluation: { readonly plan: Plan; readonly loss: Losses } | undefined

  /** @param state whose memory holds the numbers */
  constructor(state: Pick<ModelState, 'runtime' | 'description' | 'memory'>) {
    this.#state = state
  }

  /** Yields between the parts of planning where there is something to plan. */
  *inference(rows: number, cap: number): Sliced<Plan> {
    const old = this.#inference
    if (old && old.maxBatch >= rows) return old
    const maxBatch = grownBatch(old?.maxBatch, rows, cap)
    const program = yield* inferenceStages(this.#state.description, { maxBatch })
    yield
    this.#inference = yield* planned(this.#state.runtime, program, this.#state.memory, maxBatch)
    old?.dispose()
    return this.#inference
  }

  *evaluation(loss: Losses, rows: number): Sliced<Plan> {
    const old = this.#evaluation
    if (old && old.plan.maxBatch >= rows && sameLosses(old.loss, loss)) return old.plan
    const program = yield* evaluationStages(this.#state.description, { loss, maxBatch: rows })
    yield
    const plan = yield* planned(this.#state.runtime, program, this.#state.memory, rows)
    this.#evaluation = { plan, loss }
    old?.plan.dispose()
    return plan
  }

  dispose(): void {
    this.#inference?.dispose()
    this.#evaluation?.plan.dispose()
    this.#inference = this.#evaluation = undefined
  }
}

/** Compiles and binds a Program, with a yield between. */
export function* planned(
  runtime: Runtime,
  program: Program,
  memory: Readonly<Record<string, ArrayBufferLike>>,
  maxBatch: number
): Sliced<Plan> {
  const compiled = runtime.compile(program)
  yield
  return new Plan(compiled, memory, maxBatch)
}

/** `softmaxCrossEntropy()` gives a new object each time; its function is the same. */
function sameLosses(a: Losses, b: Losses): boolean {
  if (a === b) return true
  if (isLoss(a) && isLoss(b)) return a.apply === b.apply && JSON.stringify(a.options) === JSON.stringify(b.options)
  if (isLoss(a) || isLoss(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && sameLosses(a[name]!, b[name]!))
}
