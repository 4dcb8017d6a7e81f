import type { ProgramSymbol } from '../graph/program.js'
import type { Dimension } from '../shape.js'

/** constant + Σ coefficient · symbol, by the symbol's position. */
export interface Affine {
  readonly constant: number
  readonly terms: readonly { readonly symbol: number; readonly coefficient: number }[]
}

/** undefined when the dimension uses a symbol that is not listed, or a number that is not whole. */
export function affine(dimension: Dimension, symbols: readonly ProgramSymbol[]): Affine | undefined {
  if (typeof dimension === 'number') return Number.isSafeInteger(dimension) ? { constant: dimension, terms: [] } : undefined
  if (!Number.isSafeInteger(dimension.constant)) return undefined
  const terms: { symbol: number; coefficient: number }[] = []
  for (const [name, coefficient] of Object.entries(dimension.terms)) {
    const symbol = symbols.findIndex((known) => known.name === name)
    if (symbol < 0 || !Number.isSafeInteger(coefficient)) return undefined
    terms.push({ symbol, coefficient })
  }
  return { constant: dimension.constant, terms }
}

/** The symbols' values stand in `values` from `start` on. */
export function evaluateAffine(dimension: Affine, values: ArrayLike<number>, start = 0): number {
  let sum = dimension.constant
  for (let i = 0; i < dimension.terms.length; i++) {
    const term = dimension.terms[i]!
    sum += term.coefficient * values[start + term.symbol]!
  }
  return sum
}
