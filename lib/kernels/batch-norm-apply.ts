import { activate } from './activation.js'
import { type PortableKernel, Status } from './types.js'

/** y = dropout(activation(((x − mean) − meanLow) · (gamma · invStd) + beta)) */
export const batchNormApply: PortableKernel = ({ operands, dims, scalars }) => {
  const [y, , x, mean, meanLow, invStd, gamma, beta] = operands as [
    Float32Array,
    Uint8Array | null,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array,
    Float32Array | null,
    Float32Array | null
  ]
  normalize(y, x, mean, meanLow, invStd, gamma, beta, dims, scalars[0]!, scalars[1]!)
  return Status.ok
}

/** One rounding an operation; an absent meanLow or beta is 0, an absent gamma 1, the expression stays the same. */
export function normalize(
  y: Float32Array,
  x: Float32Array,
  mean: Float32Array,
  meanLow: Float32Array | null,
  invStd: Float32Array,
  gamma: Float32Array | null,
  beta: Float32Array | null,
  dims: readonly number[],
  activation: number,
  slope: number
): void {
  const [outer, channels, inner] = dims as [number, number, number]
  const slope32 = Math.fround(slope)
  for (let run = 0; run < outer * channels; run++) {
    const c = run % channels
    const high = mean[c]!
    const low = meanLow ? meanLow[c]! : 0
    const scale = Math.fround((gamma ? gamma[c]! : 1) * invStd[c]!)
    const shift = beta ? beta[c]! : 0
    for (let i = run * inner; i < (run + 1) * inner; i++) {
      const centered = Math.fround(Math.fround(x[i]! - high) - low)
      y[i] = activate(activation, Math.fround(Math.fround(centered * scale) + shift), slope32)
    }
  }
}
