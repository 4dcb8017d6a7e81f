/// <reference types="node" preserve="true" />
import { Transform, type TransformCallback } from 'node:stream'

export type { Transform }

/** Objects that wait on either side of it before writing or reading pauses. */
const waitingObjects = 64

/** A Transform, in object mode, that does to its chunks what a function does to an iterable. */
export class IterableTransform extends Transform {
  readonly #outputs: AsyncGenerator<unknown, void, undefined>
  #given: { readonly chunk: unknown; readonly taken: TransformCallback } | undefined
  #ended = false
  #wakeSource: (() => void) | undefined
  #wakeOutputs: (() => void) | undefined
  #done: Promise<void> | undefined

  constructor(map: (chunks: AsyncIterable<unknown>) => AsyncGenerator<unknown, void, undefined>) {
    super({ objectMode: true, highWaterMark: waitingObjects })
    this.#outputs = map(this.#chunks())
  }

  override _transform(chunk: unknown, _encoding: BufferEncoding, taken: TransformCallback): void {
    this.#given = { chunk, taken }
    this.#wakeSource?.()
    void this.#begin()
  }

  override _flush(callback: TransformCallback): void {
    this.#ended = true
    this.#wakeSource?.()
    void this.#begin().then(() => {
      if (!this.destroyed) callback()
    })
  }

  override _read(size: number): void {
    this.#wakeOutputs?.()
    super._read(size)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#ended = true
    this.#wakeSource?.()
    this.#wakeOutputs?.()
    const end = (): void => callback(error)
    this.#outputs.return(undefined).then(end, end)
  }

  async *#chunks(): AsyncGenerator<unknown, void, undefined> {
    for (;;) {
      const given = this.#given
      if (given) {
        this.#given = undefined
        // The next one is written while this one is used.
        given.taken()
        yield given.chunk
      } else if (this.#ended) return
      else
        await new Promise<void>((resolve) => {
          this.#wakeSource = resolve
        })
    }
  }

  /** Never rejects: an error destroys it. */
  #begin(): Promise<void> {
    return (this.#done ??= this.#push().catch((error) => {
      this.destroy(error)
    }))
  }

  async #push(): Promise<void> {
    for await (const output of this.#outputs) {
      if (this.destroyed) return
      if (this.push(output)) continue
      await new Promise<void>((resolve) => {
        this.#wakeOutputs = resolve
      })
    }
  }
}
