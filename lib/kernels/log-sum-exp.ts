/**
 * log Σ exp(row − max), as log1p of the sum without one of the largest, whose exp is 1: the loss of a confident
 * prediction is that sum itself, and would vanish beside the 1.
 */
export function shiftedLogSumExp(logits: Float32Array, start: number, classes: number, max: number): number {
  let largest = 0
  let sum = 0
  for (let i = start; i < start + classes; i++) {
    if (logits[i] === max) largest++
    else sum += Math.exp(logits[i]! - max)
  }
  return Math.log1p(sum + (largest - 1))
}
