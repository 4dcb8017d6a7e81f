import { outOfRange, wrongKind } from '../errors.js'
import type { Value } from '../graph/graph.js'
import type { Shape } from '../shape.js'
import { expectFloat32 } from './types.js'

/** What element-wise operations take: a value, or one number for all elements, rounded to float32. */
export type ValueOrNumber = Value | number

export const isNumber = (operand: ValueOrNumber): operand is number => typeof operand === 'number'

/** Refuses what is neither a float32 value nor a number that float32 can hold. */
export function expectOperand(owner: string, operand: ValueOrNumber): void {
  if (!isNumber(operand)) {
    expectValue(owner, operand, 'a value or a number')
    return
  }
  const rounded = Math.fround(operand)
  if ((Number.isFinite(operand) && !Number.isFinite(rounded)) || (rounded === 0 && operand !== 0))
    throw outOfRange(owner, 'a number that float32 can hold', operand)
}

export function expectValue(owner: string, operand: Value, expected = 'a value'): void {
  const known = typeof operand === 'object' && operand !== null && 'graph' in operand
  if (!known) throw wrongKind(owner, expected, operand)
  expectFloat32(owner, operand)
}

/** The values among operands, null for numbers. */
export function valuesOf(operands: readonly ValueOrNumber[]): (Value | null)[] {
  return operands.map((operand) => (isNumber(operand) ? null : operand))
}

/** What a kernel gets for operands that are numbers; 0 for the others. */
export function numbersOf(operands: readonly ValueOrNumber[]): number[] {
  return operands.map((operand) => (isNumber(operand) ? operand : 0))
}

/** Null for a number. */
export function shapesOf(values: readonly (Value | null)[]): (Shape | null)[] {
  return values.map((value) => value?.shape ?? null)
}
