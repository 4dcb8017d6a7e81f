/** Batch normalization over [outer, channels, inner] by the textbook: two passes, everything in float64. */
export type BatchNormShape = readonly [outer: number, channels: number, inner: number]

/** The indices of one channel's values. */
export function channelIndices([outer, channels, inner]: BatchNormShape, channel: number): number[] {
  const indices: number[] = []
  for (let o = 0; o < outer; o++) for (let i = 0; i < inner; i++) indices.push((o * channels + channel) * inner + i)
  return indices
}

/** Kahan's compensated sum: exact enough for a million float32 values of any size. */
function sum(values: readonly number[]): number {
  let total = 0
  let lost = 0
  for (const value of values) {
    const term = value - lost
    const next = total + term
    lost = next - total - term
    total = next
  }
  return total
}

export function referenceStatistics(x: ArrayLike<number>, shape: BatchNormShape): { mean: number[]; variance: number[] } {
  const mean: number[] = []
  const variance: number[] = []
  for (let c = 0; c < shape[1]; c++) {
    const values = channelIndices(shape, c).map((index) => x[index]!)
    const average = values.length > 0 ? sum(values) / values.length : 0
    mean.push(average)
    variance.push(values.length > 0 ? sum(values.map((value) => (value - average) ** 2)) / values.length : 0)
  }
  return { mean, variance }
}

export const referenceActivations: readonly ((z: number, slope: number) => number)[] = [
  (z) => z,
  (z) => (z > 0 ? z : Number.isNaN(z) ? z : 0),
  (z, slope) => (z > 0 ? z : slope * z),
  (z) => 1 / (1 + Math.exp(-z)),
  (z) => Math.tanh(z)
]

export interface ReferenceParameters {
  readonly gamma?: ArrayLike<number> | null
  readonly beta?: ArrayLike<number> | null
  readonly activation?: number
  readonly slope?: number
  /** Factor an element is multiplied by after the activation: dropout's 0 or 1/(1 − rate). */
  readonly keep?: ArrayLike<number> | null
}

export function referenceNormalize(
  x: ArrayLike<number>,
  shape: BatchNormShape,
  mean: ArrayLike<number>,
  invStd: ArrayLike<number>,
  parameters: ReferenceParameters = {}
): number[] {
  const { gamma, beta, activation = 0, slope = 0, keep } = parameters
  const [, channels, inner] = shape
  return Array.from(x, (value, index) => {
    const c = Math.floor(index / inner) % channels
    const z = (value - mean[c]!) * invStd[c]! * (gamma ? gamma[c]! : 1) + (beta ? beta[c]! : 0)
    return referenceActivations[activation]!(z, slope) * (keep ? keep[index]! : 1)
  })
}

/** Statistics and normalization in one, as training does it. */
export function referenceForward(
  x: ArrayLike<number>,
  shape: BatchNormShape,
  epsilon: number,
  parameters: ReferenceParameters = {}
): number[] {
  const { mean, variance } = referenceStatistics(x, shape)
  const invStd = variance.map((value) => 1 / Math.sqrt(value + epsilon))
  return referenceNormalize(x, shape, mean, invStd, parameters)
}

const derivatives: readonly ((z: number, slope: number) => number)[] = [
  () => 1,
  (z) => (z > 0 ? 1 : 0),
  (z, slope) => (z > 0 ? 1 : slope),
  (z) => Math.exp(-Math.abs(z)) / (1 + Math.exp(-Math.abs(z))) ** 2,
  (z) => 1 / Math.cosh(z) ** 2
]

export interface ReferenceGradients {
  dx: number[]
  dGamma: number[]
  dBeta: number[]
  /** Σ of the magnitudes that the sums are made of. */
  gammaTerms: number[]
  betaTerms: number[]
  /** Magnitudes that dx/scale is made of. */
  dxTerms: number[]
  normalized: number[]
  scale: number[]
}

/** The gradients through normalization, activation and dropout, written out. */
export function referenceGradients(
  dy: ArrayLike<number>,
  x: ArrayLike<number>,
  shape: BatchNormShape,
  epsilon: number,
  { gamma, beta, activation = 0, slope = 0, keep }: ReferenceParameters = {}
): ReferenceGradients {
  const { mean, variance } = referenceStatistics(x, shape)
  const zeros = (length: number): number[] => new Array<number>(length).fill(0)
  const [dx, dxTerms, normalized] = [zeros(x.length), zeros(x.length), zeros(x.length)]
  const [dGamma, dBeta, gammaTerms, betaTerms, scale] = [
    zeros(shape[1]),
    zeros(shape[1]),
    zeros(shape[1]),
    zeros(shape[1]),
    zeros(shape[1])
  ]
  for (let c = 0; c < shape[1]; c++) {
    const indices = channelIndices(shape, c)
    const invStd = 1 / Math.sqrt(variance[c]! + epsilon)
    const factor = gamma ? gamma[c]! : 1
    scale[c] = factor * invStd
    for (const i of indices) normalized[i] = (x[i]! - mean[c]!) * invStd
    const dz = indices.map(
      (i) => dy[i]! * (keep ? keep[i]! : 1) * derivatives[activation]!(factor * normalized[i]! + (beta ? beta[c]! : 0), slope)
    )
    // A tanh near 1 leaves a derivative of few digits: what counts is dy.
    const size = indices.map((i, k) => Math.max(Math.abs(dz[k]!), Math.abs(dy[i]! * (keep ? keep[i]! : 1))))
    dBeta[c] = sum(dz)
    dGamma[c] = sum(indices.map((i, k) => dz[k]! * normalized[i]!))
    betaTerms[c] = sum(size)
    gammaTerms[c] = sum(indices.map((i, k) => size[k]! * (Math.abs(normalized[i]!) + Math.abs(mean[c]! * invStd) * 2 ** -20)))
    indices.forEach((i, k) => {
      const m = indices.length
      dx[i] = scale[c]! * (dz[k]! - dBeta[c]! / m - (normalized[i]! * dGamma[c]!) / m)
      dxTerms[i] = size[k]! + Math.abs(dBeta[c]! / m) + Math.abs((normalized[i]! * dGamma[c]!) / m)
    })
  }
  return { dx, dGamma, dBeta, gammaTerms, betaTerms, dxTerms, normalized, scale }
}
