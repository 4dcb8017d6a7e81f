import { type PortableKernel, Status } from './types.js'

const rank = 6
/** Strides of x by dimension of the output, and where each loop stands; kernels allocate nothing. */
const strides = new Float64Array(rank)
const sizes = new Float64Array(rank)
const place = new Float64Array(rank)

/** out = x with its dimensions in another order; output dimension i is dimension permutation[i] of x. */
export const permute: PortableKernel = ({ operands, dims, scalars }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const count = dims.reduce((product, size) => product * size, 1)
  for (let i = 0; i < rank; i++) {
    const axis = scalars[i]!
    let stride = 1
    for (let inside = axis + 1; inside < rank; inside++) stride *= dims[inside]!
    strides[i] = stride
    sizes[i] = dims[axis]!
    place[i] = 0
  }
  const length = sizes[rank - 1]!
  const step = strides[rank - 1]!
  let start = 0
  for (let to = 0; to < count; to += length) {
    for (let i = 0, from = start; i < length; i++, from += step) out[to + i] = x[from]!
    // The next row: the last of the other dimensions that has not come to its end goes on.
    for (let i = rank - 2; i >= 0; i--) {
      start += strides[i]!
      place[i] = place[i]! + 1
      if (place[i]! < sizes[i]!) break
      start -= strides[i]! * sizes[i]!
      place[i] = 0
    }
  }
  return Status.ok
}
