/** Memory that the pages of one column are read into and decoded in, page after page. */
export interface ColumnMemory {
  /** For bytes of the file: one of two, in use until it is asked for again. */
  window(side: 0 | 1, bytes: number): Uint8Array
  /** For values of a page, aligned for any type. The one that was given last is in use. */
  page(bytes: number): Uint8Array
}

/**
 * Memory that is used again, for columns whose cells nobody keeps. V8 counts what lies outside its heap and collects
 * garbage every 64 MB: with fresh memory for each page that took as long as decoding the pages.
 */
export class ReusedMemory implements ColumnMemory {
  readonly #windows: [Uint8Array, Uint8Array] = [empty, empty]
  #page: Uint8Array = empty

  window(side: 0 | 1, bytes: number): Uint8Array {
    return (this.#windows[side] = roomFor(this.#windows[side], bytes)).subarray(0, bytes)
  }

  page(bytes: number): Uint8Array {
    return (this.#page = roomFor(this.#page, bytes)).subarray(0, bytes)
  }
}

const empty = new Uint8Array(0)

/** Pages are of a size, more or less: some room to spare makes growing rare. */
function roomFor(memory: Uint8Array, bytes: number): Uint8Array {
  return memory.length >= bytes ? memory : new Uint8Array(Math.ceil((bytes * 1.125) / 8) * 8)
}

/** For columns whose cells are carried along: whoever got them may keep them. */
export const freshMemory: ColumnMemory = {
  window: (_, bytes) => new Uint8Array(bytes),
  page: (bytes) => new Uint8Array(bytes)
}
