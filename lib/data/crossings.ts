import { Status } from '../kernels/types.js'
import type { CompiledProgram, CrossingResult, Executor, Runtime } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { BatchCut } from './batches.js'
import { Feed, type FeedMemory, stepsThatFit } from './feed.js'
import type { Gate } from './gate.js'
import { finishApart, finishPaced } from './pace.js'
import type { RowSource } from './rows.js'

/** Milliseconds a crossing should take: long enough to hide its call, short enough for whoever waits for a turn. */
const targetMilliseconds = 5

/** How many steps fit in a crossing, by how long the last ones took. Results never depend on it. */
export class StepClock {
  #milliseconds = 0
  #last = 0

  steps(most: number): number {
    if (this.#last === 0) return 1
    return Math.max(1, Math.min(most, this.#last * 2, Math.floor(targetMilliseconds / this.#milliseconds)))
  }

  took(steps: number, milliseconds: number): void {
    const each = Math.max(milliseconds / steps, 1e-4)
    // The first crossing pays for cold code and fresh pages: later ones pull the estimate down quickly.
    this.#milliseconds = this.#last === 0 || each < this.#milliseconds ? each : 0.75 * this.#milliseconds + 0.25 * each
    this.#last = steps
  }
}

/** A run over all batches of a cut, a few steps a crossing, rows gathered while the crossing before them runs. */
export interface CrossingJob {
  /** For messages: `Trainer.fit`. */
  readonly owner: string
  readonly runtime: Runtime
  readonly gate: Gate
  readonly memories: readonly [FeedMemory, FeedMemory]
  readonly sources: readonly RowSource[]
  readonly cut: BatchCut
  readonly clock: StepClock
  /** Elements a row of each output has. */
  readonly outputs: readonly number[]
  readonly slots: number
  readonly reports: number
  /** Row numbers in the order of the run; omitted: as they stand. */
  readonly order?: Int32Array | undefined
  readonly signal?: AbortSignal | undefined
  /** Steps a crossing at most. */
  readonly mostSteps?: number | undefined
  /** Inside the turn, first of all. */
  enter?(): Promise<void>
  /** Inside the turn: planned for at least `cut.largest` rows. Where it has to yield, each slice has a turn of the loop of its own. */
  plan(): Sliced<Planned>
  /** Inside the turn: writes the slots of the crossing, and says how many of its steps may run. */
  ready?(feed: Feed): number
  /** After the turn, crossing after crossing: throws what a status means. */
  done(feed: Feed, result: CrossingResult, planned: Planned): void | Promise<void>
  /** Asked between crossings. */
  stopped?(): boolean
  /** Where the crossing is registered while it runs, for whoever wants to cancel it. */
  readonly running: readonly Set<RunningCrossing>[]
}

/** A Program and what runs it. */
export interface Planned {
  readonly program: CompiledProgram['program']
  readonly executor: Executor
}

/** The executor that is running, for whoever wants to stop it before its next step. */
export interface RunningCrossing {
  cancel(): void
}

/**
 * Runs the job's batches in order. Rejects with the signal's reason after the step that was on its way, with
 * `done`'s error, or with that of gathering, after the steps before it. Ends early where it is stopped or cancelled.
 */
export async function runCrossings(job: CrossingJob): Promise<void> {
  const { cut, signal, sources, outputs } = job
  const most = Math.min(job.mostSteps ?? Number.POSITIVE_INFINITY, stepsThatFit(sources, outputs, cut))
  const feeds = job.memories.map((memory) => new Feed({ ...job, memory, steps: most })) as [Feed, Feed]
  const stage = async (turn: number, first: number): Promise<void> => {
    if (first >= cut.count) return
    const steps = Math.min(job.clock.steps(most), cut.count - first)
    await finishPaced(feeds[turn % 2]!.fill(first, steps, job.order), { signal })
  }
  let next = 0
  await stage(0, 0)
  for (let turn = 0; next < cut.count && !job.stopped?.(); turn++) {
    const feed = feeds[turn % 2]!
    next = feed.firstBatch + feed.steps
    const running = runTurn(job, feed)
    const staging = stage(turn + 1, next)
    // Both, whatever becomes of one: a crossing is accounted for even if the rows after it cannot be read.
    const [run, staged] = await Promise.allSettled([running, staging])
    if (run.status === 'rejected') throw run.reason
    if (run.value) await job.done(feed, run.value.result, run.value.planned)
    signal?.throwIfAborted()
    // Cancelled: what comes after must not run either.
    if (!run.value || run.value.result.completed < feed.steps) return job.gate.assertOpen(job.owner)
    if (staged.status === 'rejected' && !job.stopped?.()) throw staged.reason
  }
}

interface Turn {
  readonly result: CrossingResult
  readonly planned: Planned
}

/** undefined where there was nothing to run any more. */
function runTurn(job: CrossingJob, feed: Feed): Promise<Turn | undefined> {
  return job.gate.turn(job.owner, async () => {
    const { signal, clock, running } = job
    await job.enter?.()
    const plan = job.plan()
    const first = plan.next()
    const planned = first.done ? first.value : await finishApart(plan)
    if (job.stopped?.() || signal?.aborted) return undefined
    const steps = job.ready?.(feed) ?? feed.steps
    if (steps === 0) return { planned, result: { completed: 0, status: Status.ok, segment: -1, call: -1, detail: 0 } }
    const crossing = { cancel: () => planned.executor.cancel() }
    signal?.addEventListener('abort', crossing.cancel)
    for (const register of running) register.add(crossing)
    try {
      const start = performance.now()
      const result = await planned.executor.run(feed.crossing(steps))
      if (result.completed === steps) clock.took(steps, performance.now() - start)
      return { planned, result }
    } finally {
      for (const register of running) register.delete(crossing)
      signal?.removeEventListener('abort', crossing.cancel)
    }
  })
}
