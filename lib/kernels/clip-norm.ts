import { readSegment, segment, segmentChunk } from './segments.js'
import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

/**
 * norm = √Σg² over the segments; where it exceeds the limit, g ← g · round(limit/norm). The squares are summed in
 * float64, each chunk of the flat gradients over fixed lanes, then chunk after chunk.
 */
export const clipNorm: PortableKernel = ({ operands, dims, scalars }) => {
  const [norm, gradients, table] = operands as [Float32Array, Float32Array, Float64Array]
  const [count, segments] = dims as [number, number]
  const limit = scalars[0]!
  let total = 0
  for (let start = 0; start < count; start += segmentChunk) total += chunkSquares(gradients, table, segments, count, start)
  const length = Math.sqrt(total)
  norm[0] = length
  // Infinite gradients have no direction to keep; they are refused elsewhere.
  if (!(length > limit && length < Number.POSITIVE_INFINITY)) return Status.ok
  const factor = Math.fround(limit / length)
  for (let row = 0; row < segments; row++)
    if (readSegment(table, row, count)) for (let i = segment.start; i < segment.end; i++) gradients[i] = gradients[i]! * factor
  return Status.ok
}

/** The squares of what lies in the chunk, segment after segment. */
function chunkSquares(gradients: Float32Array, table: Float64Array, segments: number, count: number, start: number): number {
  let sum = 0
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count)) continue
    const begin = Math.max(segment.start, start)
    const end = Math.min(segment.end, start + segmentChunk)
    if (begin < end) sum += squares(gradients, begin, end)
  }
  return sum
}

function squares(x: Float32Array, begin: number, end: number): number {
  laneSums.fill(0)
  for (let i = begin, lane = 0; i < end; i++, lane = (lane + 1) % sumLanes) laneSums[lane] = laneSums[lane]! + x[i]! * x[i]!
  return foldLanes(laneSums)
}
