import type { Sliced } from '../sliced.js'

/** Elements that a slice may touch: 0.1 to 0.3 ms of conversion from nested arrays, ten times as much before the code is compiled. */
export const sliceElements = 1 << 13

/** Longest stretch on the event loop, in ms: leaves room for the slice itself and for a collection of garbage. */
const budget = 2

export interface PaceOptions {
  /** Checked between slices; rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** Runs the work and lets the event loop turn after every 2 ms of it. Work shorter than that never waits. */
export async function finishPaced<T>(work: Sliced<T>, { signal }: PaceOptions = {}): Promise<T> {
  const pacer = new Pacer()
  try {
    for (;;) {
      signal?.throwIfAborted()
      const turn = work.next()
      if (turn.done) return turn.value
      if (pacer.due) await pacer.pause()
    }
  } finally {
    work.return(undefined as never)
  }
}

/**
 * Runs the work with every slice in a turn of the event loop of its own: for slices that are long themselves, so that
 * none follows work of the turn before.
 */
export async function finishApart<T>(work: Sliced<T>): Promise<T> {
  for (;;) {
    await nextTurn()
    const turn = work.next()
    if (turn.done) return turn.value
  }
}

const waiting: (() => void)[] = []

/** Says when 2 ms of work are over. */
export class Pacer {
  // Where others wait for their turn, this one gets a slice and then waits too.
  #start = waiting.length > 0 ? Number.NEGATIVE_INFINITY : performance.now()

  get due(): boolean {
    return performance.now() - this.#start >= budget
  }

  /** Lets the event loop turn once, and starts the clock anew. */
  async pause(): Promise<void> {
    await nextTurn()
    this.#start = performance.now()
  }
}

/**
 * One waiter a turn of the event loop: immediates queued together run together, so ten paced conversions would
 * otherwise hold the loop for ten budgets.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(resumeOne)
  })
}

function resumeOne(): void {
  waiting.shift()!()
  if (waiting.length > 0) setImmediate(resumeOne)
}
