import { type PortableKernel, Status } from './types.js'

/** The middle of out[outer, before + length + after] = x[outer, length]; what lies around it stays. */
export const place: PortableKernel = ({ operands, dims }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const [outer, before, length, after] = dims as [number, number, number, number]
  const stride = before + length + after
  for (let row = 0; row < outer; row++) {
    const from = row * length
    const to = row * stride + before
    for (let i = 0; i < length; i++) out[to + i] = x[from + i]!
  }
  return Status.ok
}
