import { type PortableKernel, Status } from './types.js'
import { rowNorm, scaleOf } from './weight-norm.js'

/** norm and s of weightNormForward without w, for a matmul that scales its outputs by s */
export const weightNormScale: PortableKernel = ({ operands, dims }) => {
  const [scale, norm, v, g] = operands as [Float32Array, Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0; row < rows; row++) {
    norm[row] = rowNorm(v, row * columns, columns)
    scale[row] = scaleOf(g[row]!, norm[row]!)
  }
  return Status.ok
}
