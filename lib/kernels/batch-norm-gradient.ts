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

/**
 * visit(i, c, dz, centered, scale) for every element: dz is dy through dropout and activation, whose output is computed
 * again from x by the expression of batchNormApply; centered is (x − mean) − meanLow.
 */
export function forEachGradient(
  { mask, dy, x, mean, meanLow, invStd, gamma, beta }: GradientOperands,
  dims: readonly number[],
  [activation, slope, threshold]: readonly number[],
  visit: (i: number, c: number, dz: number, centered: number, scale: number) => void
): void {
  const [outer, channels, inner] = dims as [number, number, number]
  const slope32 = Math.fround(slope!)
  const kept = keepScale(threshold!)
  for (let run = 0; run < outer * channels; run++) {
    const c = run % channels
    const high = mean[c]!
    const low = meanLow ? meanLow[c]! : 0
    const scale = Math.fround((gamma ? gamma[c]! : 1) * invStd[c]!)
    const shift = beta ? beta[c]! : 0
    for (let i = run * inner; i < (run + 1) * inner; i++) {
      const centered = Math.fround(Math.fround(x[i]! - high) - low)
      let dz = mask ? (isKept(mask, i) ? Math.fround(dy[i]! * kept) : 0) : dy[i]!
      if (activation !== Activation.identity) {
        const y = activate(activation!, Math.fround(Math.fround(centered * scale) + shift), slope32)
        dz = activationBackwardOf(activation!, dz, y, slope32)
      }
      visit(i, c, dz, centered, scale)
    }
  }
}
