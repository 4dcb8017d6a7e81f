import { BackendError } from '../errors.js'

/** Zeroed memory that the main thread and the worker both see. */
export function allocateShared(bytes: number): SharedArrayBuffer {
  return allocated(bytes, () => new SharedArrayBuffer(bytes))
}

function allocated<T>(bytes: number, allocate: () => T): T {
  try {
    return allocate()
  } catch (cause) {
    throw new BackendError(`portable: expected ${bytes} bytes of memory, got none. Use a smaller batch or model, or free memory`, {
      code: 'EVENKEEL_OUT_OF_MEMORY',
      cause
    })
  }
}

/** Shared between threads, of a length that stays: what a worker can read while the caller goes on. */
export function isFixedShared(buffer: ArrayBufferLike): buffer is SharedArrayBuffer {
  return buffer instanceof SharedArrayBuffer && !(buffer as { growable?: boolean }).growable
}

const alignment = 64
export const alignUp = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

/**
 * Working memory of a thread: scratch and the step's copies of inputs and outputs, which hold nothing between steps.
 * So all executors of a thread share it, and it is as large as the largest needs.
 */
export class Arena {
  #buffer = new ArrayBuffer(0)

  /** The buffer, at least `bytes` long. Another object than before when it had to grow. */
  reserve(bytes: number): ArrayBuffer {
    if (this.#buffer.byteLength < bytes) {
      // The old one first, so that both need not fit together.
      this.#buffer = new ArrayBuffer(0)
      this.#buffer = allocated(bytes, () => new ArrayBuffer(bytes))
    }
    return this.#buffer
  }
}
