import { BackendError, wrongKind } from '../errors.js'
import type { Program } from '../graph/program.js'
import type { TypedArray } from '../kernels/types.js'
import { CrossingCheck } from './check-crossing.js'
import { Arena, allocateShared, isFixedShared } from './portable-memory.js'
import { Steps } from './portable-steps.js'
import { portableThread } from './portable-thread.js'
import type { Crossing, CrossingResult, Executor, InputBinding } from './runtime.js'

/** Of this thread, for synchronous runs. */
const arena = new Arena()

let executors = 0
/** What a forgotten executor leaves in the worker is freed with it. */
const forgotten = new FinalizationRegistry<number>((executor) => portableThread.post({ kind: 'release', executor }))

export class PortableExecutor implements Executor {
  readonly #number = ++executors
  readonly #program: Program
  readonly #check: CrossingCheck
  readonly #memory: Readonly<Record<string, SharedArrayBuffer>>
  /** [0]: the number of the last run that is cancelled. */
  readonly #control = new Int32Array(allocateShared(4))
  #steps: Steps | undefined
  #generation = 0
  #lastRun = 0
  #running = 0
  #disposed = false

  constructor(program: Program, memory: Readonly<Record<string, SharedArrayBuffer>>) {
    this.#program = program
    this.#check = new CrossingCheck(program)
    this.#memory = memory
    forgotten.register(this, this.#number, this)
  }

  runSync(crossing: Crossing): CrossingResult {
    this.#usable('runSync')
    if (this.#running > 0)
      throw new BackendError('Executor.runSync: expected no run on its way, got one. Await it first', { code: 'EVENKEEL_BUSY' })
    this.#check.check(crossing)
    this.#steps ??= new Steps(this.#program, this.#memory, arena)
    return this.#steps.run(crossing, () => false)
  }

  async run(crossing: Crossing): Promise<CrossingResult> {
    this.#usable('run')
    // Checked on private copies: what a caller writes while the run is on its way changes nothing.
    const { steps, outputs, results } = crossing
    const symbols = crossing.symbols.slice(0, steps * this.#program.symbols.length)
    const slots = crossing.slots.slice(0, steps * this.#program.slots.length)
    const inputs = crossing.inputs.map(ownInput)
    this.#check.check({ steps, symbols, slots, inputs, outputs, results })
    for (const [index, { source }] of inputs.entries()) assertShared(`the source of input ${index}`, source)
    for (const [index, output] of outputs.entries()) assertShared(`output ${index}`, output)
    this.#bindInWorker()
    const run = portableThread.nextRun()
    this.#lastRun = run
    this.#running++
    try {
      const posted = { steps, symbols, slots, inputs, outputs }
      const answer = await portableThread.run({ kind: 'run', executor: this.#number, run, crossing: posted })
      results.set(answer.results)
      return answer.result
    } finally {
      this.#running--
    }
  }

  cancel(): void {
    Atomics.store(this.#control, 0, this.#lastRun)
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    forgotten.unregister(this)
    // Handled after the runs that were posted before.
    portableThread.post({ kind: 'release', executor: this.#number })
  }

  #usable(method: string): void {
    if (this.#disposed)
      throw new BackendError(`Executor.${method}: expected an executor in use, got one that was disposed of`, { code: 'EVENKEEL_DISPOSED' })
  }

  #bindInWorker(): void {
    portableThread.start()
    if (this.#generation === portableThread.generation) return
    this.#generation = portableThread.generation
    portableThread.post({ kind: 'bind', executor: this.#number, program: this.#program, memory: this.#memory, control: this.#control })
  }
}

function assertShared(what: string, array: TypedArray): void {
  if (isFixedShared(array.buffer)) return
  const expected = `${what} in memory of the library, or in a SharedArrayBuffer of fixed length`
  throw wrongKind('Executor.run', expected, array, 'Use memory from allocate')
}

/** `slice`, since a view posted to a worker takes all of its buffer along. */
function ownInput({ source, rows, first, scale, shift }: InputBinding): InputBinding {
  return { source, rows: rows?.slice(), first, scale, shift }
}
