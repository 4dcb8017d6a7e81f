import type { TypedArray } from './types.js'

export const broadcastDims = 6
const last = broadcastDims - 1

/** An operand that may be repeated along some dims, as its mask says; a number where it is absent. */
export interface BroadcastOperand {
  data: Float32Array
  readonly number: Float32Array
  readonly strides: number[]
}

// Kernels allocate nothing; one call runs at a time in a thread.
const zeros = (): number[] => new Array<number>(broadcastDims).fill(0)
const empty = (): BroadcastOperand => ({ data: new Float32Array(0), number: new Float32Array(1), strides: zeros() })
const slots: readonly BroadcastOperand[] = [empty(), empty(), empty()]
const offsets = [0, 0, 0]
const place = zeros()

/** `slot`: each operand of a call has one of its own, 0 … 2. */
export function broadcastOperand(
  slot: number,
  data: TypedArray | null,
  mask: number,
  number: number,
  dims: readonly number[]
): BroadcastOperand {
  const operand = slots[slot]!
  operand.number[0] = number
  operand.data = data ? (data as Float32Array) : operand.number
  let stride = 1
  for (let k = last; k >= 0; k--) {
    const repeated = !data || (mask >> k) & 1
    operand.strides[k] = repeated ? 0 : stride
    if (!repeated) stride *= dims[k]!
  }
  return operand
}

/** row(first output, length, the operands' offsets by slot) for every row of the last dim, in order. */
export function forEachRow(dims: readonly number[], row: (start: number, length: number, offsets: readonly number[]) => void): void {
  const length = dims[last]!
  let count = length
  for (let k = 0; k < last; k++) count *= dims[k]!
  place.fill(0)
  offsets.fill(0)
  for (let start = 0; start < count; start += length) {
    row(start, length, offsets)
    nextRow(dims)
  }
}

function nextRow(dims: readonly number[]): void {
  for (let k = last - 1; k >= 0; k--) {
    const at = place[k]! + 1
    const wraps = at === dims[k]
    place[k] = wraps ? 0 : at
    for (let slot = 0; slot < slots.length; slot++) offsets[slot] = offsets[slot]! + (wraps ? 1 - dims[k]! : 1) * slots[slot]!.strides[k]!
    if (!wraps) return
  }
}
