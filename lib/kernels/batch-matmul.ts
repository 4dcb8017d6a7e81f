import { type Epilogue, multiply } from './matmul.js'
import { describe, forget, panelSource } from './matmul-panels.js'
import { Activation, type PortableKernel, Status } from './types.js'

const noEpilogue: Epilogue = { bias: null, scale: null, activation: Activation.identity, slope: 0 }
// Kernels allocate nothing; one call runs at a time in a thread.
const a = panelSource()
const b = panelSource()

/** out[b0, b1, b2, m, n] = Σ_k A[b, m, k] · B[b, k, n], each product as matmul computes it. */
export const batchMatmul: PortableKernel = ({ operands, dims, scalars }) => {
  const [out, aData, bData] = operands as [Float32Array, Float32Array, Float32Array]
  const [batch0, batch1, batch2, m, n, k] = dims as [number, number, number, number, number, number]
  const [transposeA, transposeB, lackingA, lackingB] = scalars as [number, number, number, number]
  describe(a, aData, m, k, transposeA !== 0)
  describe(b, bData, n, k, transposeB === 0)
  const count = batch0 * batch1 * batch2
  for (let index = 0; index < count; index++) {
    a.start = matrixOf(index, batch1, batch2, batch0, lackingA) * m * k
    b.start = matrixOf(index, batch1, batch2, batch0, lackingB) * n * k
    multiply(out, index * m * n, a, b, k, noEpilogue)
  }
  forget(a)
  forget(b)
  return Status.ok
}

/** Which matrix of an operand belongs to product `index`: the dimensions that it lacks do not count. */
function matrixOf(index: number, batch1: number, batch2: number, batch0: number, lacking: number): number {
  const [first, second, third] = [Math.floor(index / (batch1 * batch2)), Math.floor(index / batch2) % batch1, index % batch2]
  let matrix = lacking & 1 ? 0 : first % batch0
  if (!(lacking & 2)) matrix = matrix * batch1 + second
  return lacking & 4 ? matrix : matrix * batch2 + third
}
