/** Element-wise operations in float64, by the definitions. */

/** The error function: its series below 3, above it the continued fraction of erfc (Lentz). */
export function erfReference(x: number): number {
  const t = Math.abs(x)
  if (Number.isNaN(x)) return Number.NaN
  return Math.sign(x) * (t < 3 ? series(t) : 1 - fraction(t))
}

/** 2/√π · e^−x² · Σ 2ⁿ x²ⁿ⁺¹/(2n + 1)!!: all terms are positive, so nothing cancels. */
function series(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; term > sum * 2 ** -60; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

function fraction(x: number): number {
  if (x > 27) return 0
  let below = 0
  for (let n = 200; n >= 1; n--) below = n / 2 / (x + below)
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + below)
}

/** Φ(x), with the digits of the lower tail. */
function normalReference(x: number): number {
  const t = Math.abs(x) / Math.SQRT2
  const tail = t < 2 ? (1 - erfReference(t)) / 2 : fraction(t) / 2
  return Number.isNaN(x) ? x : x < 0 ? tail : 1 - tail
}
const logistic = (x: number): number => (x < -700 ? 0 : 1 / (1 + Math.exp(-x)))
/** x · step(x), whose limit at −∞ is 0. */
const gated = (step: (x: number) => number, x: number): number => (x < -1e4 ? 0 : x * step(x))

/** By the quotient of central differences of a smooth function at `x`, extrapolated (Richardson) to h⁸. */
function derivativeReference(f: (x: number) => number, x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) > 1e4) return Number.isNaN(x) ? x : x > 0 ? 1 : 0
  let row: number[] = []
  for (let level = 0; level < 4; level++) {
    const h = 0.16 / 2 ** level
    const next = [(f(x + h) - f(x - h)) / (2 * h)]
    for (const [k, before] of row.entries()) next.push(next[k]! + (next[k]! - before) / (4 ** (k + 1) - 1))
    row = next
  }
  return row.at(-1)!
}

const tanhStep = (x: number): number => logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))

export const unaryReference: Readonly<Record<string, (x: number, parameter?: number) => number>> = {
  negate: (x) => x * -1,
  abs: (x) => (x < 0 ? -x : x + 0),
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : x),
  square: (x) => x ** 2,
  sqrt: Math.sqrt,
  exp: (x) => Math.E ** x,
  expm1: Math.expm1,
  log: (x) => Math.log2(x) * Math.LN2,
  log1p: Math.log1p,
  erf: erfReference,
  softplus: (x) => (x > 700 ? x : Math.abs(x) < 0.1 ? Math.LN2 + Math.log1p(Math.expm1(x) / 2) : Math.log1p(Math.exp(x))),
  gelu: (x) => gated(normalReference, x),
  geluDerivative: (x) => derivativeReference((at) => gated(normalReference, at), x),
  geluTanh: (x) => gated(tanhStep, x),
  geluTanhDerivative: (x) => derivativeReference((at) => gated(tanhStep, at), x),
  silu: (x) => gated(logistic, x),
  siluDerivative: (x) => derivativeReference((at) => gated(logistic, at), x),
  elu: (x, parameter = 1) => (x > 0 ? x : parameter * Math.expm1(x)),
  eluDerivative: (x, parameter = 1) => (x > 0 ? 1 : parameter * Math.exp(x))
}

const isNaNs = (a: number, b: number): boolean => Number.isNaN(a) || Number.isNaN(b)
/** +0 above −0. */
const above = (a: number, b: number): boolean => a > b || (a === 0 && b === 0 && 1 / a > 1 / b)

export const binaryReference: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  minimum: (a, b) => (isNaNs(a, b) ? Number.NaN : above(a, b) ? b : a),
  maximum: (a, b) => (isNaNs(a, b) ? Number.NaN : above(a, b) ? a : b),
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
  greater: (a, b) => Number(a > b),
  greaterEqual: (a, b) => Number(a >= b),
  share: (a, b) => (isNaNs(a, b) ? 1 : (Number(a >= b) + Number(a > b)) / 2),
  maskedMultiply: (a, b) => (b === 0 ? 0 : a * b)
}

/** The elements of an operand of `shape`, one for each of `out`'s, by counting through them. */
export function repeated(data: ArrayLike<number>, shape: readonly number[], out: readonly number[]): number[] {
  const own = [...new Array<number>(out.length - shape.length).fill(1), ...shape]
  const count = out.reduce((total, size) => total * size, 1)
  return Array.from({ length: count }, (_, element) => {
    let rest = element
    let stride = 1
    let at = 0
    for (let axis = out.length - 1; axis >= 0; axis--) {
      const place = rest % out[axis]!
      rest = Math.floor(rest / out[axis]!)
      if (own[axis] !== 1) at += place * stride
      stride *= own[axis]!
    }
    return data[at]!
  })
}
