import { readSegment, segment } from './segments.js'
import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Status } from './types.js'

/**
 * Rows of a segment whose norm exceeds its maxNorm are scaled by round(maxNorm/norm); the others keep their bits. The
 * norm is summed in float64 over fixed lanes.
 */
export const maxNorm: PortableKernel = ({ operands, dims }) => {
  const [parameters, table] = operands as [Float32Array, Float64Array]
  const [count, segments] = dims as [number, number]
  for (let row = 0; row < segments; row++) {
    if (!readSegment(table, row, count) || segment.rowLength === 0 || !(segment.maxNorm > 0)) continue
    const { end, rowLength, maxNorm: limit } = segment
    for (let start = segment.start; start + rowLength <= end; start += rowLength) limitRow(parameters, start, rowLength, limit)
  }
  return Status.ok
}

function limitRow(parameters: Float32Array, start: number, length: number, limit: number): void {
  laneSums.fill(0)
  for (let i = 0; i < length; i++) laneSums[i % sumLanes] = laneSums[i % sumLanes]! + parameters[start + i]! * parameters[start + i]!
  const norm = Math.sqrt(foldLanes(laneSums))
  if (!(norm > limit)) return
  const scale = Math.fround(limit / norm)
  for (let i = start; i < start + length; i++) parameters[i] = parameters[i]! * scale
}
