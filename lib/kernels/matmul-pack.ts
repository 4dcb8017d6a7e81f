import { packedPanel } from './table.js'
import { type PortableKernel, Status } from './types.js'

/** packed[n, k] = B transposed where needed: rows of constant weights, as matmul's layoutB 2 reads them here. */
export const matmulPack: PortableKernel = ({ operands, dims, scalars }) => {
  const [packed, b] = operands as [Float32Array, Float32Array]
  const [n, k] = dims as [number, number]
  if (scalars[0] === 1) {
    packed.set(b.subarray(0, n * k))
  } else {
    for (let step = 0; step < k; step++) {
      for (let column = 0; column < n; column++) packed[column * k + step] = b[step * n + column]!
    }
  }
  packed.fill(0, n * k, Math.ceil(n / packedPanel) * packedPanel * k)
  return Status.ok
}
