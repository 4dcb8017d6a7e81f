import { activate } from './activation.js'
import { isKept, keepBits, keepScale } from './dropout.js'
import { type PortableKernel, Status } from './types.js'

/**
 * y = dropout(activation(((x − mean) − meanLow) · (gamma · invStd) + beta)), one rounding an operation. An absent meanLow
 * or beta is 0, an absent gamma 1: the expression stays the same.
 */
export const batchNormApply: PortableKernel = ({ operands, dims, scalars }) => {
  const [y, mask, x, mean, meanLow, invStd, gamma, beta] = operands as [
    Float32Array,
    Uint8Array | null,
    Float32Array,
    Float32Array,
    Float32Array | null,
    Float32Array,
    Float32Array | null,
    Float32Array | null
  ]
  const [outer, channels, inner] = dims as [number, number, number]
  const activation = scalars[0]!
  const slope = Math.fround(scalars[1]!)
  const kept = keepScale(scalars[2]!)
  if (mask) keepBits(mask, 0, outer * channels * inner, scalars, 2)
  for (let run = 0; run < outer * channels; run++) {
    const c = run % channels
    const high = mean[c]!
    const low = meanLow ? meanLow[c]! : 0
    const scale = Math.fround((gamma ? gamma[c]! : 1) * invStd[c]!)
    const shift = beta ? beta[c]! : 0
    for (let i = run * inner; i < (run + 1) * inner; i++) {
      const centered = Math.fround(Math.fround(x[i]! - high) - low)
      const value = activate(activation, Math.fround(Math.fround(centered * scale) + shift), slope)
      y[i] = mask ? (isKept(mask, i) ? value * kept : 0) : value
    }
  }
  return Status.ok
}
