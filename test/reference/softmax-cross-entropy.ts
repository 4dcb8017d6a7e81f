/** −log of the label's softmax, in float64: log Σ exp(l − l_label), the label's own term of 1 kept apart. */
export function crossEntropyReference(logits: ArrayLike<number>, label: number): number {
  let others = 0
  let largest = 0
  for (let c = 0; c < logits.length; c++) largest = Math.max(largest, logits[c]! - logits[label]!)
  if (largest < 600) {
    for (let c = 0; c < logits.length; c++) if (c !== label) others += Math.exp(logits[c]! - logits[label]!)
    return Math.log1p(others)
  }
  for (let c = 0; c < logits.length; c++) others += Math.exp(logits[c]! - logits[label]! - largest)
  return largest + Math.log(others)
}

/** ∂/∂logits, by a central difference of the loss. */
export function crossEntropySlopeReference(logits: ArrayLike<number>, label: number): Float64Array {
  const step = 1e-4
  const at = Float64Array.from(logits)
  return at.map((value, c) => {
    const above = Float64Array.from(at)
    const below = Float64Array.from(at)
    above[c] = value + step
    below[c] = value - step
    return (crossEntropyReference(above, label) - crossEntropyReference(below, label)) / (2 * step)
  })
}

/** Softmax in float64. */
export function softmaxReference(logits: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: logits.length }, (_, c) => Math.exp(-crossEntropyReference(logits, c)))
}
