import { finishPaced } from '../data/pace.js'
import { finish, type Sliced } from '../sliced.js'
import type { ModelState, Snapshot } from './model-state.js'
import { Plans } from './plans.js'

/** Bytes that one slice copies, fresh pages included: under 0.3 ms. */
const copySlice = 1 << 18

/**
 * The numbers of a model as they are now, for a run that waits for others between its crossings and so may not hold off
 * whoever writes. They are read where they stand; whoever writes first copies them before, to memory of this run's own.
 */
export class KeptState implements Snapshot {
  readonly #state: ModelState
  #copy: { readonly memory: ModelState['memory']; readonly plans: Plans } | undefined
  #missed: { readonly error: unknown } | undefined
  #released = false

  private constructor(state: ModelState) {
    this.#state = state
  }

  /** When nothing writes; the signal ends the wait for that at once. */
  static async of(state: ModelState, owner: string, signal: AbortSignal | undefined): Promise<KeptState> {
    return await state.read(owner, signal, () => {
      const kept = new KeptState(state)
      state.snapshots.add(kept)
      return kept
    })
  }

  /** Inside a reading of the gate: for what holds the numbers now. Throws where they could not be copied in time. */
  get plans(): Plans {
    if (this.#missed) throw this.#missed.error
    return this.#copy?.plans ?? this.#state.plans
  }

  async take(): Promise<void> {
    await finishPaced(this.#copied())
  }

  takeSync(): void {
    finish(this.#copied())
  }

  missed(error: unknown): void {
    this.#missed = { error }
    this.#state.snapshots.delete(this)
  }

  release(): void {
    this.#released = true
    this.#state.snapshots.delete(this)
    this.#copy?.plans.dispose()
  }

  *#copied(): Sliced<void> {
    const { runtime, description, memory: from, snapshots } = this.#state
    const copies: [string, ArrayBufferLike][] = []
    for (const [name, buffer] of Object.entries(from)) {
      if (this.#released) break
      const [source, copy] = [new Uint8Array(buffer), new Uint8Array(runtime.allocate(buffer.byteLength))]
      for (let start = 0; start < source.length && !this.#released; start += copySlice) {
        copy.set(source.subarray(start, start + copySlice), start)
        yield
      }
      copies.push([name, copy.buffer])
    }
    snapshots.delete(this)
    if (this.#released) return
    const memory = Object.fromEntries(copies) as ModelState['memory']
    this.#copy = { memory, plans: new Plans({ runtime, description, memory }) }
  }
}
