import { describe, expectation, outOfRange, withCode, wrongKind } from '../errors.js'
import type { Sliced } from '../sliced.js'
import { sliceElements } from './pace.js'
import { type AnyView, sharedView, viewKind } from './views.js'

/** Refuses typed arrays of fractions: what looks up rows should not be rounded by chance. */
export function checkIntegerView(owner: string, name: string, view: AnyView): void {
  if (viewKind(view)!.startsWith('Float')) throw wrongKind(owner, `${name} to hold whole numbers`, view, 'Int32Array.from(...) makes them')
}

/** Numbers as int32, in slices; refuses the first that is not a whole number of 32 bits. */
export function* wholeNumbers(owner: string, name: string, given: AnyView): Sliced<Int32Array> {
  const { length } = given
  const out = sharedView(owner, Int32Array, length)
  for (let start = 0; start < length; start += sliceElements) {
    if (given.length !== length) throw outOfRange(owner, `${name} to keep its ${length} numbers while they are read`, given.length)
    const end = Math.min(length, start + sliceElements)
    for (let i = start; i < end; i++) {
      const value = Number(given[i])
      if (value !== (value | 0)) {
        const got = `element ${i} = ${describe(given[i])}`
        throw withCode(new RangeError(expectation(owner, `${name} to hold whole numbers of 32 bits`, got)), 'EVENKEEL_RANGE')
      }
      out[i] = value
    }
    yield
  }
  return out
}
