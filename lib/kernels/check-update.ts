import { readSegment, segment } from './segments.js'
import { type KernelCallArguments, Status, type StatusCode } from './types.js'

/**
 * Whether an optimizer's update leaves finite numbers, told from bounds where that is possible. Parameters need none:
 * FLT_MAX + x rounds to FLT_MAX for |x| < 2¹⁰³, half a unit in its last place. The twin of native/kernels/check_update.h,
 * which derives the thresholds.
 */
export const smallStep = 2 ** 101
export const farFromOverflow = 2 ** 126

/** The largest |x[i]| of all segments; NaN where one is. */
export function largestInSegments(x: Float32Array, table: Float64Array, count: number, segments: number): number {
  let largest = 0
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    for (let i = segment.start; i < segment.end; i++) {
      const magnitude = Math.abs(x[i]!)
      if (!(magnitude <= largest)) {
        // NaN compares with nothing, so it would be forgotten.
        if (!(magnitude < Number.POSITIVE_INFINITY)) return magnitude
        largest = magnitude
      }
    }
  }
  return largest
}

/** Answers nonFinite, detail the first in the table's order that is not finite. */
export function nonFiniteGradient(call: KernelCallArguments, gradients: Float32Array, table: Float64Array): StatusCode {
  const [count, segments] = call.dims as [number, number]
  let first = Number.POSITIVE_INFINITY
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    for (let i = segment.start; i < segment.end && i < first; i++) if (gradients[i]! - gradients[i]! !== 0) first = i
  }
  call.detail = first
  return Status.nonFinite
}

const most = 1024
const rows = Array.from({ length: 3 }, () => new Float32Array(most))

/**
 * Runs `update` over copies of the segments, part after part, and answers overflow where it leaves something that is not
 * finite; detail is the first such element. `read` holds what is not written.
 */
export function tryUpdate(
  call: KernelCallArguments,
  states: readonly Float32Array[],
  table: Float64Array,
  update: (copies: readonly Float32Array[], from: number, length: number) => void
): StatusCode {
  const [count, segments] = call.dims as [number, number]
  let first = Number.POSITIVE_INFINITY
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    const { start, end } = segment
    for (let from = start; from < end && from < first; from += most) {
      const length = Math.min(most, end - from)
      for (const [index, state] of states.entries()) for (let i = 0; i < length; i++) rows[index]![i] = state[from + i]!
      update(rows, from, length)
      for (let i = 0; i < length && from + i < first; i++)
        for (let index = 0; index < states.length; index++) if (rows[index]![i]! - rows[index]![i]! !== 0) first = from + i
    }
  }
  if (first === Number.POSITIVE_INFINITY) return Status.ok
  call.detail = first
  return Status.overflow
}
