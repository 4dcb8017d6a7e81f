/** One step of one parameter in float64, as the papers write it. */
export interface SgdStep {
  readonly p: number
  readonly u: number
}

export function sgdReference(
  p: number,
  u: number,
  g: number,
  o: { learningRate: number; momentum: number; nesterov: boolean; weightDecay: number }
): SgdStep {
  const gradient = g + o.weightDecay * p
  const velocity = o.momentum * u + gradient
  return { p: p - o.learningRate * (o.nesterov ? gradient + o.momentum * velocity : velocity), u: velocity }
}

/** Kingma & Ba, algorithm 1, with bias-corrected moments; Loshchilov & Hutter's decoupled decay. `t` counts from 1. */
export function adamReference(
  p: number,
  m: number,
  v: number,
  g: number,
  t: number,
  o: { learningRate: number; beta1: number; beta2: number; epsilon: number; weightDecay: number; decoupled: boolean }
): { p: number; m: number; v: number } {
  const gradient = o.decoupled ? g : g + o.weightDecay * p
  const first = o.beta1 * m + (1 - o.beta1) * gradient
  const second = o.beta2 * v + (1 - o.beta2) * gradient ** 2
  const corrected = first / (1 - o.beta1 ** t) / (Math.sqrt(second / (1 - o.beta2 ** t)) + o.epsilon)
  return { p: p - (o.decoupled ? o.learningRate * o.weightDecay * p : 0) - o.learningRate * corrected, m: first, v: second }
}
