import { activate, activationBackwardOf } from './activation.js'
import { isKept, keepScale } from './dropout.js'
import { Activation, type TypedArray } from './types.js'

/** The operands that the backward kernels share, mask … beta, as they lie in their lists from position `at` on. */
export interface GradientOperands {
  readonly mask: Uint8Array | null
  readonly dy: Float32Array
  readonly x: Float32Array
  readonly mean: Float32Array
  readonly meanLow: Float32Array | null
  readonly invStd: Float32Array
  readonly gamma: Float32Array | null
  readonly beta: Float32Array | null
}

export function gradientOperands(operands: readonly (TypedArray | null)[], at: number): GradientOperands {
  const [mask, dy, x, mean, meanLow, invStd, gamma, beta] = operands.slice(at, at + 8)
  return { mask, dy, x, mean, meanLow, invStd, gamma, beta } as GradientOperands
}

/** Elements that `activationGradients` fills in one go. */
export const gradientChunk = 1024
const gradients = new Float64Array(gradientChunk)

/**
 * dy through dropout and activation for the elements first … end − 1, at most `gradientChunk` of them: the activation's
 * output is computed again from x by the expression of batchNormApply. The numbers stay until the next call; an array,
 * since a callback's numbers would each be allocated.
 */
export function activationGradients(
  given: GradientOperands,
  [, channels, inner]: readonly number[],
  [activation, slope, threshold]: readonly number[],
  first: number,
  end: number
): Float64Array {
  const { mask, dy, x, beta } = given
  const slope32 = Math.fround(slope!)
  const kept = keepScale(threshold!)
  for (let i = first; i < end; i++) {
    let dz = mask ? (isKept(mask, i) ? Math.fround(dy[i]! * kept) : 0) : dy[i]!
    if (activation !== Activation.identity) {
      const c = Math.floor(i / inner!) % channels!
      const shift = beta ? beta[c]! : 0
      const y = activate(activation!, Math.fround(Math.fround(centered(given, x[i]!, c) * channelScale(given, c)) + shift), slope32)
      dz = activationBackwardOf(activation!, dz, y, slope32)
    }
    gradients[i - first] = dz
  }
  return gradients
}

/** (x − mean) − meanLow */
export function centered({ mean, meanLow }: GradientOperands, x: number, c: number): number {
  return Math.fround(Math.fround(x - mean[c]!) - (meanLow ? meanLow[c]! : 0))
}

/** γ · invStd, one rounding */
export function channelScale({ gamma, invStd }: GradientOperands, c: number): number {
  return Math.fround((gamma ? gamma[c]! : 1) * invStd[c]!)
}
