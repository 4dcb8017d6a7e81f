import { activate, activationBackwardOf } from './activation.js'
import { isKept, keepScale } from './dropout.js'
import { Activation, type TypedArray } from './types.js'

/** Operands as a call has them. */
export type Operands = readonly (TypedArray | null)[]

/** Elements that `activationGradients` fills in one go. */
export const gradientChunk = 1024
const gradients = new Float64Array(gradientChunk)

/**
 * dy through dropout and activation for the elements first … end − 1, at most `gradientChunk` of them: the activation's
 * output is computed again from x by the expression of batchNormApply. The numbers stay until the next call; an array,
 * since a callback's numbers would each be allocated. mask … beta stand among the operands from position `at` on.
 */
export function activationGradients(
  operands: Operands,
  at: number,
  dims: readonly number[],
  scalars: readonly number[],
  first: number,
  end: number
): Float64Array {
  const mask = operands[at] as Uint8Array | null
  const dy = operands[at + 1] as Float32Array
  const x = operands[at + 2] as Float32Array
  const mean = operands[at + 3] as Float32Array
  const meanLow = operands[at + 4] as Float32Array | null
  const invStd = operands[at + 5] as Float32Array
  const gamma = operands[at + 6] as Float32Array | null
  const beta = operands[at + 7] as Float32Array | null
  const [, channels, inner] = dims as [number, number, number]
  const activation = scalars[0]!
  const slope = Math.fround(scalars[1]!)
  const kept = keepScale(scalars[2]!)
  for (let i = first; i < end; i++) {
    let dz = mask ? (isKept(mask, i) ? Math.fround(dy[i]! * kept) : 0) : dy[i]!
    if (activation !== Activation.identity) {
      const c = Math.floor(i / inner) % channels
      const scaled = Math.fround(centered(mean, meanLow, x[i]!, c) * channelScale(gamma, invStd, c))
      const y = activate(activation, Math.fround(scaled + (beta ? beta[c]! : 0)), slope)
      dz = activationBackwardOf(activation, dz, y, slope)
    }
    gradients[i - first] = dz
  }
  return gradients
}

/** (x − mean) − meanLow */
export function centered(mean: Float32Array, meanLow: Float32Array | null, x: number, c: number): number {
  return Math.fround(Math.fround(x - mean[c]!) - (meanLow ? meanLow[c]! : 0))
}

/** γ · invStd, one rounding */
export function channelScale(gamma: Float32Array | null, invStd: Float32Array, c: number): number {
  return Math.fround((gamma ? gamma[c]! : 1) * invStd[c]!)
}
