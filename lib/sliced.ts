/**
 * Long work on the JavaScript thread, cut into slices: a generator that yields wherever it may be interrupted, at
 * least every millisecond or so. One piece of code then serves the synchronous calls and the asynchronous ones.
 */
export type Sliced<T> = Generator<void, T, void>

/** Runs the work through without a pause. */
export function finish<T>(work: Sliced<T>): T {
  for (;;) {
    const turn = work.next()
    if (turn.done) return turn.value
  }
}
