import type { RowSource } from '../data/rows.js'
import { expectation, NonFiniteError, withCode } from '../errors.js'
import type { Program } from '../graph/program.js'
import { Status } from '../kernels/types.js'
import { describeFailure, type Failure } from '../programs/index.js'
import type { CrossingResult } from '../runtime/runtime.js'

/** Where a refused step stood: to say which row of the caller's data it was. */
export interface RefusedStep {
  /** undefined outside of training. */
  readonly step?: number
  /** Where the batch's row `row` stands in the sources. */
  at(row: number): number
  /** The number, in the caller's data, of a row of the sources; default: they are the caller's data. */
  number?(at: number): number
  readonly sources: readonly Pick<RowSource, 'name' | 'data' | 'rowElements'>[]
}

/** The error that a failed check of a step means to the caller. */
export function failureError(owner: string, failure: Failure, refused: RefusedStep): Error {
  const source = refused.sources.find(({ name }) => name === failure.layer)
  if (failure.kind === 'label') return labelError(owner, failure, refused)
  if (failure.kind === 'range' && source) return rangeError(owner, failure, refused, source)
  const at = refused.step === undefined ? '' : `, at step ${refused.step}`
  const details = { layer: failure.layer, step: refused.step }
  if (source) {
    const { row } = refusedRow(refused, source, failure.index)
    const expected = `finite numbers in ${source.name}`
    return new NonFiniteError(
      expectation(owner, expected, `NaN or infinity in row ${row}${at}`, 'Clean the data; nothing of the step was kept'),
      details
    )
  }
  if (failure.kind === 'overflow')
    return new NonFiniteError(
      expectation(
        owner,
        `an update that leaves finite numbers in '${failure.layer}'`,
        `one that overflows${at}`,
        'Lower the learning rate; nothing of the step was kept'
      ),
      details
    )
  const what = /^loss(\.|$)/.test(failure.layer) ? `a finite ${failure.layer}` : `finite gradients and statistics in '${failure.layer}'`
  return new NonFiniteError(
    expectation(owner, what, `NaN or infinity${at}`, 'Lower the learning rate or scale the inputs; nothing of the step was kept'),
    details
  )
}

/** The row that the element `index` of a batch belongs to, by its number, and the elements before it in the source. */
function refusedRow(refused: RefusedStep, { rowElements }: RefusedStep['sources'][number], index: number) {
  const at = refused.at(Math.floor(index / rowElements))
  return { row: refused.number?.(at) ?? at, start: at * rowElements, column: index % rowElements }
}

function labelError(owner: string, { layer, index, classes, input }: Failure, refused: RefusedStep): RangeError {
  const source = refused.sources.find(({ name }) => name === input)
  const range = classes === undefined ? 'below the size they choose from' : `0 … ${classes - 1}`
  // Losses read class numbers; layers whatever they look up.
  const what = /^loss(\.|$)/.test(layer) ? 'class numbers, integers' : `numbers for layer '${layer}',`
  if (!source) return withCode(new RangeError(expectation(owner, `${what} ${range}`, `another, element ${index}`)), 'EVENKEEL_LABEL')
  const { name, data, rowElements } = source
  const { row, start, column } = refusedRow(refused, source, index)
  const value = data[start + column]
  const got = `${name}[${row}]${rowElements === 1 ? '' : `[${column}]`} = ${value}`
  return withCode(new RangeError(expectation(owner, `${name} to hold ${what} ${range}`, got)), 'EVENKEEL_LABEL')
}

/** Throws what it means that a prediction did not come through; `first` is the source row of the batch that was refused. */
export function assertPredicted(
  owner: string,
  program: Program,
  result: CrossingResult,
  sources: RefusedStep['sources'],
  first: (batch: number) => number,
  batchOnly = false
): void {
  if (result.status === Status.ok) return
  const start = first(result.completed)
  const rows = batchOnly ? { at: (row: number) => row, number: (at: number) => start + at } : { at: (row: number) => start + row }
  throw failureError(owner, describeFailure({ parameters: [] }, program, result), { sources, ...rows })
}

function rangeError(
  owner: string,
  { index, probabilities }: Failure,
  refused: RefusedStep,
  source: RefusedStep['sources'][number]
): RangeError {
  const { name, rowElements, data } = source
  const { row, start, column } = refusedRow(refused, source, index)
  const value = data[start + column]!
  const inside = value >= 0 && value <= 1
  const sum = Array.from(data.subarray(start, start + rowElements)).reduce((total, each) => total + each, 0)
  const expected = probabilities ? `rows of ${name} to be probabilities, each in 0 … 1, with a sum of 1` : `numbers in 0 … 1 in ${name}`
  const got = inside ? `the sum ${sum} in row ${row}` : `${value} in row ${row}`
  return withCode(new RangeError(expectation(owner, expected, got)), 'EVENKEEL_RANGE')
}
