import { type PortableKernel, Status } from './types.js'

/** running ← running + (1 − decay)·(batch − running), the variance times m/(m − 1); in float64, rounded once */
export const batchNormRunning: PortableKernel = ({ operands, dims, scalars }) => {
  const [runningMean, runningVariance, batches, mean, meanLow, variance] = operands as [
    Float32Array,
    Float32Array,
    Float64Array | null,
    Float32Array,
    Float32Array | null,
    Float32Array
  ]
  const [outer, channels, inner] = dims as [number, number, number]
  const rate = 1 - scalars[0]!
  const count = outer * inner
  const unbiased = count > 1 ? count / (count - 1) : 1
  for (let c = 0; c < channels; c++) {
    const batchMean = mean[c]! + (meanLow ? meanLow[c]! : 0)
    runningMean[c] = runningMean[c]! + rate * (batchMean - runningMean[c]!)
    runningVariance[c] = runningVariance[c]! + rate * (variance[c]! * unbiased - runningVariance[c]!)
  }
  if (batches) batches[0] = batches[0]! + 1
  return Status.ok
}
