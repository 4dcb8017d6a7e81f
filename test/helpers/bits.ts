import { expect } from 'vitest'

/** Fails unless both hold the same bits (all NaNs count as one). Far quicker than toEqual on long arrays. */
export function expectSameBits(actual: Float32Array, expected: Float32Array, message = ''): void {
  expect(actual.length, message).toBe(expected.length)
  for (let i = 0; i < expected.length; i++)
    if (!Object.is(actual[i], expected[i])) expect(actual[i], `${message} element ${i} of ${expected.length}`).toBe(expected[i])
}
