import { type PortableKernel, Reduction, Status } from './types.js'

/** dx[o, f, m, s, i] = dy[o, m, i], the gradient of a sum; of a mean that divided by the number of terms, rounded once. */
export const reduceBackward: PortableKernel = ({ operands, dims, scalars }) => {
  const [dx, dy] = operands as [Float32Array, Float32Array]
  const [outer, first, middle, second, inner] = dims as [number, number, number, number, number]
  const divisor = scalars[0] === Reduction.mean ? first * second : 1
  let to = 0
  for (let o = 0; o < outer; o++)
    for (let f = 0; f < first; f++)
      for (let m = 0; m < middle; m++) {
        const from = (o * middle + m) * inner
        if (inner === 1) {
          dx.fill(dy[from]! / divisor, to, to + second)
          to += second
          continue
        }
        for (let s = 0; s < second; s++) for (let i = 0; i < inner; i++) dx[to++] = dy[from + i]! / divisor
      }
  return Status.ok
}
