import { type PortableKernel, Status } from './types.js'

/** out[r, c] = x[r, c] · scale[c] */
export const scaleColumns: PortableKernel = ({ operands, dims }) => {
  const [out, x, scale] = operands as [Float32Array, Float32Array, Float32Array]
  const [rows, columns] = dims as [number, number]
  for (let row = 0, i = 0; row < rows; row++) for (let column = 0; column < columns; column++, i++) out[i] = x[i]! * scale[column]!
  return Status.ok
}
