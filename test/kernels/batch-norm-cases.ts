import { expect } from 'vitest'
import type { BatchNormShape } from '../reference/batch-norm.js'

/** Around every cut of the native plan: stripes of columns, chunks of rows, whole channels, segments of a channel. */
export const batchNormShapes: readonly BatchNormShape[] = [
  [0, 4, 1],
  [3, 0, 2],
  [3, 2, 0],
  [1, 1, 1],
  [1, 9, 1],
  [2, 3, 1],
  [7, 5, 1],
  [9, 17, 1],
  [37, 131, 1],
  [128, 64, 1],
  [129, 1, 1],
  [256, 200, 1],
  [257, 33, 1],
  [1009, 3, 1],
  [1300, 67, 1],
  [2, 3, 7],
  [11, 13, 7],
  [5, 3, 49],
  [3, 2, 4099],
  [1, 2, 10_007]
]

export const names = (shape: BatchNormShape): string => `[${shape.join(', ')}]`
export const count = (shape: BatchNormShape): number => shape[0] * shape[1] * shape[2]
export const values = (shape: BatchNormShape): number => shape[0] * shape[2]
/** No dropout: the seven scalars of its group. */
export const noDropout = [0, 0, 0, 0, 0, 0, 0]

/** Bit equality of long arrays (any NaN equals any NaN), without the cost of a deep comparison. */
export function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++)
    if (!Object.is(actual[i], expected[i])) expect({ index: i, value: actual[i] }).toEqual({ index: i, value: expected[i] })
}
