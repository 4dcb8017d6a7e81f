import { expectation, ShapeError, withCode, wrongKind } from '../errors.js'
import { isValue, type Value, type ValueType } from '../graph/graph.js'
import { Activation, type ActivationName, type DType } from '../kernels/types.js'
import { type Dimension, formatShape, multiplyDimensions, type Shape, sameShape } from '../shape.js'

/** An activation inside another kernel. `slope` is that of leaky relu, and 0 for all others. */
export interface FusedActivation {
  readonly activation: ActivationName
  readonly slope: number
}

/** A dropout inside another kernel. */
export interface FusedDropout {
  /** An element is kept when its 16 random bits are at least this. 0 … 65536. */
  readonly threshold: number
  readonly key: readonly [number, number]
  readonly stream: number
}

export const noActivation: FusedActivation = { activation: 'identity', slope: 0 }

export function activationScalars({ activation, slope }: FusedActivation): [number, number] {
  return [Activation[activation], slope]
}

/** The dropout group of the kernel table; the step comes from the slot of that name. */
export function dropoutScalars(dropout: FusedDropout | null): (number | { slot: string })[] {
  if (!dropout) return [0, 0, 0, 0, 0, 0, 0]
  return [dropout.threshold, dropout.key[0], dropout.key[1], 0, { slot: 'step' }, dropout.stream, 0]
}

export function float32(shape: Shape): ValueType {
  return { shape, dtype: 'float32' }
}

/** Refuses values of another type: class numbers and indices do not compute, only gather and oneHot read them. */
export function expectDType(owner: string, x: Value, dtype: DType, what = 'a value'): void {
  if (!isValue(x)) throw wrongKind(owner, what, x, 'Operations compute with values of a model; net.predict(x) takes numbers')
  if (x.dtype !== dtype)
    throw withCode(new TypeError(expectation(ownerIn(owner, x.graph.label), `${what} of type ${dtype}`, x.dtype)), 'EVENKEEL_TYPE')
}

export function expectFloat32(owner: string, x: Value): void {
  expectDType(owner, x, 'float32')
}

/** What an error names. */
export const ownerIn = (owner: string, label: string): string => (label === '' ? owner : `${owner} in layer '${label}'`)

export function wholeShape(owner: string, label: string, expected: string, actual: Shape, advice?: string): ShapeError {
  return new ShapeError(expectation(ownerIn(owner, label), expected, formatShape(actual), advice), {
    expected,
    actual: formatShape(actual)
  })
}

/** Refuses a value whose shape is not `expected`. Absent optional values pass. */
export function expectShape(owner: string, label: string, what: string, value: Value | null, expected: Shape): void {
  if (value && !sameShape(value.shape, expected)) throw wholeShape(owner, label, `${what} of shape ${formatShape(expected)}`, value.shape)
}

export function product(dimensions: readonly Dimension[]): Dimension {
  return dimensions.reduce<Dimension>(multiplyDimensions, 1)
}

/** [rows, columns] of a value as a matrix: the last dimension against all others. */
export function asMatrix(shape: Shape): { rows: Dimension; columns: Dimension } {
  return { rows: product(shape.slice(0, -1)), columns: shape.at(-1) ?? 1 }
}

/** [rows, columns] of a value as a matrix: the first dimension against all others. */
export function rowsAndColumns(shape: Shape): [Dimension, Dimension] {
  return [shape[0] ?? 1, product(shape.slice(1))]
}
