/** Tells what waits or runs that it should end; more than once is once. */
export class Cancellation {
  #requested = false
  #end: (() => void) | undefined

  get requested(): boolean {
    return this.#requested
  }

  readonly cancel = (): void => {
    if (this.#requested) return
    this.#requested = true
    this.#end?.()
  }

  /** What `cancel` calls from now on; undefined: nothing. One at a time. */
  set end(end: (() => void) | undefined) {
    this.#end = end
  }
}

/** Runs `body` with a cancellation by the signal: where it gives undefined for that, rejects with the signal's reason. */
export async function cancelledBy<T extends object>(
  signal: AbortSignal | undefined,
  body: (cancellation: Cancellation) => Promise<T | undefined>
): Promise<T> {
  const cancellation = new Cancellation()
  signal?.addEventListener('abort', cancellation.cancel)
  try {
    const value = await body(cancellation)
    if (value === undefined) signal?.throwIfAborted()
    return value!
  } finally {
    signal?.removeEventListener('abort', cancellation.cancel)
  }
}

interface Place {
  readonly shared: boolean
  readonly admit: (inside: boolean) => void
}

/** Lets one in alone, or several that share, in the order of asking: whoever shares does not overtake one who waits. */
export class Lock {
  readonly #waiting: Place[] = []
  #sharing = 0
  #alone = false

  /** Whether somebody waits. */
  get contested(): boolean {
    return this.#waiting.length > 0
  }

  /** true: inside at once. Else a promise of it, which is false where it was cancelled before. */
  enter(shared: boolean, cancellation?: Cancellation): true | Promise<boolean> {
    if (cancellation?.requested) return Promise.resolve(false)
    if (this.#waiting.length === 0 && this.#admits(shared)) return this.#take(shared)
    return new Promise((resolve) => {
      const place: Place = { shared, admit: resolve }
      this.#waiting.push(place)
      if (!cancellation) return
      cancellation.end = () => {
        const index = this.#waiting.indexOf(place)
        if (index < 0) return
        this.#waiting.splice(index, 1)
        resolve(false)
        // Those behind may have waited for this place only.
        this.#next()
      }
    })
  }

  leave(shared: boolean): void {
    if (shared) this.#sharing--
    else this.#alone = false
    this.#next()
  }

  #admits(shared: boolean): boolean {
    return !this.#alone && (shared || this.#sharing === 0)
  }

  #take(shared: boolean): true {
    if (shared) this.#sharing++
    else this.#alone = true
    return true
  }

  #next(): void {
    for (let first = this.#waiting[0]; first && this.#admits(first.shared); first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#take(first.shared)
      first.admit(true)
    }
  }
}
