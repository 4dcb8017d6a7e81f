import { Status } from '../kernels/types.js'
import type { CompiledProgram, CrossingResult, Executor, Runtime } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { BatchCut } from './batches.js'
import { Feed, type FeedMemory, stepsThatFit } from './feed.js'
import type { Gate } from './gate.js'
import { Cancellation } from './lock.js'
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
  /** The batch to begin with; default 0. */
  readonly first?: number | undefined
  /** Steps a crossing at most. */
  readonly mostSteps?: number | undefined
  /** Inside the turn, first of all. */
  enter?(): Promise<void>
  /** Inside the turn: planned for at least `cut.largest` rows. Where it has to yield, each slice has a turn of the loop of its own. */
  plan(): Sliced<Planned>
  /** Inside the turn: writes the slots of the crossing, and says how many of its steps may run. */
  ready?(feed: Feed): number
  /** Inside the turn, as soon as the crossing has run: what counts its steps, so that whoever reads next sees both. */
  ran?(feed: Feed, result: CrossingResult): void
  /** After the turn, crossing after crossing: throws what a status means, unless there is `refused`. */
  done(feed: Feed, result: CrossingResult, planned: Planned): void | Promise<void>
  /** After `done`, where a step was refused: throws what that means, or leaves the step out, and those behind it run. */
  refused?(feed: Feed, result: CrossingResult): Promise<void>
  /** Asked between crossings. */
  stopped?(): boolean
  /** Where the run is registered, for whoever wants to cancel it. */
  readonly running: readonly Set<Cancellation>[]
  /**
   * 'turns', the default: it writes, a crossing alone. 'reading': it reads, and sees one state from its first crossing to
   * its last. 'held': the same, inside a reading of the gate. 'single': it reads what it sees to be kept, each crossing by
   * itself.
   */
  readonly access?: 'turns' | 'reading' | 'held' | 'single'
}

/** A Program and what runs it. */
export interface Planned {
  readonly program: CompiledProgram['program']
  readonly executor: Executor
}

/**
 * Runs the job's batches in order. Rejects with the signal's reason after the step that was on its way, with
 * `done`'s error, or with that of gathering, after the steps before it. Ends early where it is stopped or cancelled.
 */
export async function runCrossings(job: CrossingJob): Promise<void> {
  const { cut, signal, running, gate, owner } = job
  if (cut.count === 0) return
  const cancellation = new Cancellation()
  signal?.addEventListener('abort', cancellation.cancel)
  for (const register of running) register.add(cancellation)
  try {
    const crossings = new Crossings(job, cancellation)
    await crossings.stage(0, job.first ?? 0)
    if (job.access === 'reading') await gate.reading(owner, () => crossings.run(), cancellation)
    else await crossings.run()
    signal?.throwIfAborted()
    if (cancellation.requested) gate.assertOpen(owner)
  } finally {
    for (const register of running) register.delete(cancellation)
    signal?.removeEventListener('abort', cancellation.cancel)
  }
}

interface Turn {
  readonly result: CrossingResult
  readonly planned: Planned
}

class Crossings {
  readonly #job: CrossingJob
  readonly #cancellation: Cancellation
  readonly #most: number
  /** The second is made where there is a second crossing. */
  readonly #feeds: Feed[] = []

  constructor(job: CrossingJob, cancellation: Cancellation) {
    const most = Math.min(job.mostSteps ?? Number.POSITIVE_INFINITY, stepsThatFit(job.sources, job.outputs, job.cut))
    this.#job = job
    this.#cancellation = cancellation
    this.#most = most
  }

  #feed(turn: number): Feed {
    const side = turn % 2
    return (this.#feeds[side] ??= new Feed(this.#job, this.#job.memories[side]!, this.#most))
  }

  /** Readies the rows of turn `turn`, whose first batch is `first`. */
  async stage(turn: number, first: number): Promise<void> {
    const { cut, clock, order, signal } = this.#job
    if (first >= cut.count) return
    const steps = Math.min(clock.steps(this.#most), cut.count - first)
    await finishPaced(this.#feed(turn).fill(first, steps, order), { signal })
  }

  /** Never rejects, since the crossing before it is awaited first. */
  async #tryStage(turn: number, first: number): Promise<{ readonly reason: unknown } | undefined> {
    try {
      await this.stage(turn, first)
      return undefined
    } catch (reason) {
      return { reason }
    }
  }

  async run(): Promise<void> {
    const job = this.#job
    let next = job.first ?? 0
    for (let turn = 0; next < job.cut.count && !job.stopped?.(); turn++) {
      const feed = this.#feed(turn)
      next = feed.firstBatch + feed.steps
      const running = this.#turn(feed)
      const staging = this.#tryStage(turn + 1, next)
      // Both, whatever becomes of one: a crossing is accounted for even if the rows after it cannot be read.
      let ran: Turn | undefined
      let failure: { readonly reason: unknown } | undefined
      try {
        ran = await running
      } finally {
        failure = await staging
      }
      // Cancelled: what comes after must not run either.
      if (!(await this.#account(feed, ran))) return job.gate.assertOpen(job.owner)
      if (failure && !job.stopped?.()) throw failure.reason
    }
  }

  /** Accounts for a crossing, and runs what lies behind steps that were left out. False where it did not come to its end. */
  async #account(feed: Feed, first: Turn | undefined): Promise<boolean> {
    const job = this.#job
    for (let turn = first; turn; turn = await this.#turn(feed)) {
      const { completed, status } = turn.result
      const told = job.done(feed, turn.result, turn.planned)
      if (told) await told
      const leftOut = status !== Status.ok && job.refused !== undefined
      if (leftOut) await job.refused!(feed, turn.result)
      job.signal?.throwIfAborted()
      const through = leftOut ? completed + 1 : completed
      if (through === feed.steps) return true
      if (!leftOut || job.stopped?.()) return false
      feed.drop(through)
    }
    job.signal?.throwIfAborted()
    return false
  }

  /** undefined where there was nothing to run any more. */
  #turn(feed: Feed): Promise<Turn | undefined> {
    const { gate, owner, access = 'turns' } = this.#job
    const cross = () => this.#cross(feed)
    if (access === 'turns') return gate.turn(owner, cross, this.#cancellation)
    const read = () => gate.readingTurn(owner, cross, this.#cancellation)
    return access === 'single' ? gate.reading(owner, read, this.#cancellation) : read()
  }

  async #cross(feed: Feed): Promise<Turn | undefined> {
    const job = this.#job
    const cancellation = this.#cancellation
    await job.enter?.()
    const plan = job.plan()
    const first = plan.next()
    const planned = first.done ? first.value : await finishApart(plan)
    if (cancellation.requested || job.stopped?.()) return undefined
    const steps = job.ready?.(feed) ?? feed.steps
    if (steps === 0) return { planned, result: { completed: 0, status: Status.ok, segment: -1, call: -1, detail: 0 } }
    cancellation.end = () => planned.executor.cancel()
    try {
      const start = performance.now()
      const result = await planned.executor.run(feed.crossing(steps))
      if (result.completed === steps) job.clock.took(steps, performance.now() - start)
      job.ran?.(feed, result)
      return { planned, result }
    } finally {
      cancellation.end = undefined
    }
  }
}
