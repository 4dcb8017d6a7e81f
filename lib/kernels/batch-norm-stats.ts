import { scratch } from './scratch.js'
import { type PortableKernel, Status } from './types.js'

/** mean (in two parts), biased variance and 1/√(variance + ε) of each channel */
export const batchNormStats: PortableKernel = ({ operands, dims, scalars }) => {
  const [mean, meanLow, variance, invStd, x] = operands as Float32Array[]
  writeStatistics(mean!, meanLow!, variance!, invStd!, x!, dims, scalars[0]!)
  return Status.ok
}

/** Two passes in float64, the first shifted by the channel's first value so that a large mean costs no digits. */
export function writeStatistics(
  mean: Float32Array,
  meanLow: Float32Array,
  variance: Float32Array,
  invStd: Float32Array,
  x: Float32Array,
  dims: readonly number[],
  epsilon: number
): void {
  const [outer, channels, inner] = dims as [number, number, number]
  const values = outer * inner
  const divisor = Math.max(values, 1)
  const sums = scratch(channels, 2)
  for (let run = 0; run < outer * channels; run++) {
    const c = run % channels
    const shift = values > 0 ? x[c * inner]! : 0
    let sum = sums[c]!
    for (let i = run * inner; i < (run + 1) * inner; i++) sum += x[i]! - shift
    sums[c] = sum
  }
  for (let c = 0; c < channels; c++) sums[c] = (values > 0 ? x[c * inner]! : 0) + sums[c]! / divisor
  for (let run = 0; run < outer * channels; run++) {
    const c = run % channels
    const center = sums[c]!
    let squares = sums[channels + c]!
    for (let i = run * inner; i < (run + 1) * inner; i++) squares += (x[i]! - center) * (x[i]! - center)
    sums[channels + c] = squares
  }
  for (let c = 0; c < channels; c++) {
    const biased = sums[channels + c]! / divisor
    mean[c] = sums[c]!
    meanLow[c] = sums[c]! - mean[c]!
    variance[c] = biased
    invStd[c] = 1 / Math.sqrt(biased + epsilon)
  }
}
