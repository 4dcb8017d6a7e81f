import { sumReference } from './sum.js'

/** [outer, first, middle, second, inner] */
export type ReduceDims = readonly [number, number, number, number, number]

/** The terms of each output of a reduction over `first` and `second`, in index order; the outputs in order. */
export function reduceTerms(x: ArrayLike<number>, [outer, first, middle, second, inner]: ReduceDims): number[][] {
  const terms = Array.from({ length: outer * middle * inner }, (): number[] => [])
  for (let index = 0; index < outer * first * middle * second * inner; index++) {
    const i = index % inner
    const m = Math.floor(index / (inner * second)) % middle
    const o = Math.floor(index / (inner * second * middle * first))
    terms[(o * middle + m) * inner + i]!.push(x[index]!)
  }
  return terms
}

export const reduceReference: Readonly<Record<'sum' | 'mean' | 'max' | 'min', (terms: readonly number[]) => number>> = {
  sum: (terms) => sumReference(terms),
  mean: (terms) => sumReference(terms) / terms.length,
  max: (terms) => terms.reduce((best, term) => Math.max(best, term), Number.NEGATIVE_INFINITY),
  min: (terms) => terms.reduce((best, term) => Math.min(best, term), Number.POSITIVE_INFINITY)
}
