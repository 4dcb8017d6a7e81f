import { BackendError, expectation } from '../errors.js'

/**
 * Lets the runs over one memory (a model's, a predictor's) through one at a time, in the order of asking. A long
 * operation enters anew for each crossing, so that others run between its steps.
 */
export class Gate {
  readonly #noun: string
  readonly #waiting: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  #held = false
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

  /** Runs an asynchronous operation; while it is on its way, synchronous calls are refused. */
  async operation<T>(method: string, body: () => Promise<T>): Promise<T> {
    this.assertOpen(method)
    this.#operations++
    try {
      return await body()
    } finally {
      this.#operations--
      if (this.#operations === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  /** Runs `body` when everything that asked before is through. */
  async turn<T>(method: string, body: () => T | Promise<T>): Promise<T> {
    if (this.#held) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#held = true
    try {
      this.assertOpen(method)
      return await body()
    } finally {
      const next = this.#waiting.shift()
      // Handed on without letting go: nobody slips in between.
      if (next) next()
      else this.#held = false
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
