import { type PortableKernel, Status } from './types.js'
import { rowNorm, scaleOf } from './weight-norm.js'

/** norm = round32(√Σv²), s = round32(g/norm), w = s·v, one norm a row; a row of zeros gives w = 0 */
export const weightNormForward: PortableKernel = ({ operands, dims }) => {
  const [w, norm, v, g] = operands as [Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    norm[row] = rowNorm(v, start, columns)
    const scale = scaleOf(g[row]!, norm[row]!)
    for (let i = start; i < start + columns; i++) w[i] = scale * v[i]!
  }
  return Status.ok
}
