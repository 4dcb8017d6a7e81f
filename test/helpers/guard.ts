import { expect } from 'vitest'

const guardWords = 16
const pattern = 0xa5

/**
 * Arrays for a kernel's operands that start `offset` elements past an aligned address and have guard words on both
 * sides. `intact()` fails the test if a kernel wrote beyond what it was given. `memory`: in whose, an ArrayBuffer of its own.
 */
export function guarded<T extends Float32Array | Float64Array | Int32Array | Uint8Array>(
  type: { new (buffer: ArrayBuffer, byteOffset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
  values?: ArrayLike<number>,
  offset = 1,
  memory: (bytes: number) => ArrayBufferLike = (bytes) => new ArrayBuffer(bytes)
): { array: T; intact(): void } {
  const size = type.BYTES_PER_ELEMENT
  const before = (guardWords + offset) * size
  const bytes = new Uint8Array(memory(before + length * size + guardWords * size)).fill(pattern)
  const array = new type(bytes.buffer as ArrayBuffer, before, length)
  if (values) array.set(values)
  return {
    array,
    intact() {
      for (let i = 0; i < before; i++)
        if (bytes[i] !== pattern) expect(bytes[i], `guard byte ${i - before} before the operand`).toBe(pattern)
      for (let i = before + length * size; i < bytes.length; i++)
        if (bytes[i] !== pattern) expect(bytes[i], `guard byte ${i - before - length * size} after the operand`).toBe(pattern)
    }
  }
}
