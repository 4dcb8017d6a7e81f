import { BackendError, expectation } from '../errors.js'
import { type Cancellation, Lock } from './lock.js'

/**
 * Lets the runs over one memory (a model's, a predictor's) through, in the order of asking. What writes takes a turn
 * for each crossing, alone. What reads holds writers off from its first crossing to its last, and so sees one state;
 * readers share, and their crossings take turns among themselves.
 */
export class Gate {
  readonly #noun: string
  readonly #access = new Lock()
  readonly #crossings = new Lock()
  readonly #idle: (() => void)[] = []
  #operations = 0
  #closed = false

  /** @param noun what the gate belongs to: `model` */
  constructor(noun: string) {
    this.#noun = noun
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Asynchronous operations that have begun and not ended, waiting ones included. */
  get operations(): number {
    return this.#operations
  }

  /** Whether somebody waits to read, to write, or for a turn. */
  get contested(): boolean {
    return this.#access.contested || this.#crossings.contested
  }

  /** Runs an asynchronous operation; while it is on its way, synchronous calls are refused. */
  async operation<T>(method: string, body: () => Promise<T>): Promise<T> {
    this.begin(method)
    try {
      return await body()
    } finally {
      this.end()
    }
  }

  /** An operation begins that `end` ends. */
  begin(method: string): void {
    this.assertOpen(method)
    this.#operations++
  }

  end(): void {
    this.#operations--
    if (this.#operations === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Runs `body` alone: nothing else reads or writes meanwhile. */
  turn<T>(method: string, body: () => T | Promise<T>): Promise<T>
  /** The same; undefined where it was cancelled before it came to that. */
  turn<T>(method: string, body: () => T | Promise<T>, cancellation: Cancellation | undefined): Promise<T | undefined>
  turn<T>(method: string, body: () => T | Promise<T>, cancellation?: Cancellation): Promise<T | undefined> {
    return this.#inside(this.#access, false, method, body, cancellation)
  }

  /** Runs `body` with nobody writing meanwhile. It must not wait for anything that wants to write, or to read anew. */
  reading<T>(method: string, body: () => T | Promise<T>): Promise<T>
  reading<T>(method: string, body: () => T | Promise<T>, cancellation: Cancellation | undefined): Promise<T | undefined>
  reading<T>(method: string, body: () => T | Promise<T>, cancellation?: Cancellation): Promise<T | undefined> {
    return this.#inside(this.#access, true, method, body, cancellation)
  }

  /** Inside `reading`: runs `body` with no other reader inside a turn. */
  readingTurn<T>(method: string, body: () => T | Promise<T>): Promise<T>
  readingTurn<T>(method: string, body: () => T | Promise<T>, cancellation: Cancellation | undefined): Promise<T | undefined>
  readingTurn<T>(method: string, body: () => T | Promise<T>, cancellation?: Cancellation): Promise<T | undefined> {
    return this.#inside(this.#crossings, false, method, body, cancellation)
  }

  async #inside<T>(
    lock: Lock,
    shared: boolean,
    method: string,
    body: () => T | Promise<T>,
    cancellation: Cancellation | undefined
  ): Promise<T | undefined> {
    const entered = lock.enter(shared, cancellation)
    if (entered !== true && !(await entered)) return undefined
    try {
      this.assertOpen(method)
      return await body()
    } finally {
      lock.leave(shared)
    }
  }

  assertOpen(method: string): void {
    if (!this.#closed) return
    throw new BackendError(expectation(method, `a ${this.#noun} in use`, 'one that was disposed of'), { code: 'EVENKEEL_DISPOSED' })
  }

  /** Throws unless a synchronous call may run now. */
  assertIdle(method: string): void {
    this.assertOpen(method)
    if (this.#operations === 0) return
    throw new BackendError(expectation(method, `no run of this ${this.#noun} on its way`, String(this.#operations), 'Await it first'), {
      code: 'EVENKEEL_BUSY'
    })
  }

  /** From now on everything is refused; what is inside goes on to its end. */
  close(): void {
    this.#closed = true
  }

  /** Resolves when no operation is on its way. */
  async idle(): Promise<void> {
    if (this.#operations > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
}
