import { type PortableKernel, Status } from './types.js'

/** out[outer, length] = the middle of x[outer, before + length + after] */
export const slice: PortableKernel = ({ operands, dims }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const [outer, before, length, after] = dims as [number, number, number, number]
  const stride = before + length + after
  for (let row = 0; row < outer; row++) {
    const from = row * stride + before
    const to = row * length
    for (let i = 0; i < length; i++) out[to + i] = x[from + i]!
  }
  return Status.ok
}
