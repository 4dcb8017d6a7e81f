import { type PortableKernel, Status } from './types.js'
import { dot, rowDot } from './weight-norm.js'

/**
 * One row: dg = round32(Σ v·dw / norm), the sum in float64; t = round32(dg/norm), s = round32(g/norm);
 * dv = s·(dw − v·t), each operation rounded. A row of zeros (norm 0) has no direction: dg = 0, dv = 0.
 */
export const weightNormBackward: PortableKernel = ({ operands, dims }) => {
  const [dv, dg, dw, v, g, norm] = operands as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    const end = start + columns
    const length = norm[row]!
    if (length === 0) {
      dg[row] = 0
      dv.fill(0, start, end)
      continue
    }
    rowDot(v, start, dw, start, columns)
    dg[row] = dot[0]! / length
    const along = Math.fround(dg[row]! / length)
    const scale = Math.fround(g[row]! / length)
    for (let i = start; i < end; i++) dv[i] = scale * Math.fround(dw[i]! - Math.fround(v[i]! * along))
  }
  return Status.ok
}
