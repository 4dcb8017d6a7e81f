import { expectation, ShapeError, withCode, wrongKind } from '../errors.js'
import { nearest } from '../options.js'
import type { Sliced } from '../sliced.js'
import type { InputPort } from './input-spec.js'
import { assertSameRows, type InputData, inputRows, type RowSource } from './rows.js'

/** Rows of the only input, or of each input by its name. */
export type ModelInput = InputData | Readonly<Record<string, InputData>>

/** `x` as rows, a source an input, all with as many rows. */
export function* readInputs(owner: string, x: unknown, ports: readonly InputPort[]): Sliced<readonly RowSource[]> {
  const values = valuesByName(owner, 'x', x, ports)
  const sources: RowSource[] = []
  for (const [index, { name, shape, dtype, scale, shift }] of ports.entries()) {
    const source = yield* inputRows(owner, values[index], { name, rowShape: shape, dtype, scale, shift })
    if (index > 0) assertSameRows(owner, sources[0]!, source)
    sources.push(source)
  }
  return sources
}

/** The value itself where there is one without a name, else those of a record with exactly these names. */
export function valuesByName(
  owner: string,
  what: string,
  given: unknown,
  ports: readonly { readonly key: string | undefined }[]
): readonly unknown[] {
  if (ports.length === 1 && ports[0]!.key === undefined) return [given]
  const names = ports.map(({ key }) => key!)
  const expected = `${what} to be { ${names.join(', ')} }`
  if (Object.prototype.toString.call(given) !== '[object Object]') throw wrongKind(owner, expected, given, 'Give the data by name')
  const values = given as Readonly<Record<string, unknown>>
  for (const name of Object.keys(values))
    if (!names.includes(name)) {
      const near = nearest(name, names)
      const advice = near === undefined ? undefined : `Did you mean ${near}?`
      throw withCode(new TypeError(expectation(owner, expected, `'${name}'`, advice)), 'EVENKEEL_NAME')
    }
  for (const name of names)
    if (!Object.hasOwn(values, name))
      throw new ShapeError(expectation(owner, expected, `one without ${name}`), { expected: names, actual: Object.keys(values) })
  return names.map((name) => values[name])
}
