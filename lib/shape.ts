import { outOfRange, ShapeError } from './errors.js'

/**
 * A dimension: a number, or `constant + Σ coefficient · symbol` over named symbols whose values are known
 * only when a Program runs (`batch`, `time`).
 */
export type Dimension = number | SymbolicDimension

export interface SymbolicDimension {
  readonly constant: number
  /** Symbol name → non-zero coefficient. Never empty: a dimension without symbols is a number. */
  readonly terms: Readonly<Record<string, number>>
}

export type Shape = readonly Dimension[]
export type StaticShape = readonly number[]
export type SymbolValues = Readonly<Record<string, number>>

export function symbol(name: string): SymbolicDimension {
  return { constant: 0, terms: { [name]: 1 } }
}

export function isStatic(shape: Shape): shape is StaticShape {
  return shape.every((dimension) => typeof dimension === 'number')
}

/** a + factor · b */
export function addDimensions(a: Dimension, b: Dimension, factor = 1): Dimension {
  const terms: Record<string, number> = typeof a === 'number' ? {} : { ...a.terms }
  if (typeof b !== 'number')
    for (const [name, coefficient] of Object.entries(b.terms)) {
      const sum = (terms[name] ?? 0) + factor * coefficient
      if (sum === 0) delete terms[name]
      else terms[name] = sum
    }
  const constant = constantOf(a) + factor * constantOf(b)
  return Object.keys(terms).length === 0 ? constant : { constant, terms }
}

/** a · b; at most one of the two may hold symbols, so that the product stays affine. */
export function multiplyDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  if (typeof a === 'number') return addDimensions(0, b, a)
  if (typeof b === 'number') return addDimensions(0, a, b)
  throw new ShapeError(
    `shape: expected at most one symbolic factor, got ${formatDimension(a)} · ${formatDimension(b)}. Give one of the dimensions a fixed size`,
    { expected: 'an affine product', actual: [a, b] }
  )
}

/** a / b where that is a whole number or an affine dimension, for all values of the symbols; undefined elsewhere. */
export function divideDimensions(a: Dimension, b: Dimension): Dimension | undefined {
  const [name] = typeof b === 'number' ? [] : Object.keys(b.terms)
  if (name !== undefined) {
    const ratio = (typeof a === 'number' ? 0 : (a.terms[name] ?? 0)) / (b as SymbolicDimension).terms[name]!
    return Number.isSafeInteger(ratio) && ratio > 0 && sameDimension(multiplyDimensions(ratio, b), a) ? ratio : undefined
  }
  const by = b as number
  if (by === 0) return undefined
  if (typeof a === 'number') return a % by === 0 ? a / by : undefined
  const whole = [a.constant, ...Object.values(a.terms)].every((number) => number % by === 0)
  return whole
    ? { constant: a.constant / by, terms: Object.fromEntries(Object.entries(a.terms).map(([key, value]) => [key, value / by])) }
    : undefined
}

export function elementCount(shape: Shape): Dimension {
  return shape.reduce<Dimension>(multiplyDimensions, 1)
}

export function staticElementCount(shape: StaticShape): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

export function evaluateDimension(dimension: Dimension, values: SymbolValues): number {
  if (typeof dimension === 'number') return dimension
  let sum = dimension.constant
  for (const [name, coefficient] of Object.entries(dimension.terms)) {
    const value = values[name]
    if (value === undefined) throw outOfRange('shape', `a value for the symbol '${name}'`, value)
    sum += coefficient * value
  }
  return sum
}

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return addDimensions(a, b, -1) === 0
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, index) => sameDimension(dimension, b[index]!))
}

export function formatDimension(dimension: Dimension): string {
  if (typeof dimension === 'number') return String(dimension)
  const terms = Object.entries(dimension.terms).map(([name, factor]) => (factor === 1 ? name : `${factor}·${name}`))
  return dimension.constant === 0 ? terms.join(' + ') : [...terms, String(dimension.constant)].join(' + ')
}

/** `[batch, 784]` */
export function formatShape(shape: Shape): string {
  return `[${shape.map(formatDimension).join(', ')}]`
}

function constantOf(dimension: Dimension): number {
  return typeof dimension === 'number' ? dimension : dimension.constant
}
