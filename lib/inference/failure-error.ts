import type { RowSource } from '../data/rows.js'
import { expectation, NonFiniteError, withCode } from '../errors.js'
import type { Failure } from '../programs/index.js'

/** Where a refused step stood: to say which row of the caller's data it was. */
export interface RefusedStep {
  /** undefined outside of training. */
  readonly step?: number
  /** Number of the batch's row `row` in the caller's data. */
  sourceRow(row: number): number
  readonly sources: readonly RowSource[]
}

/** The error that a failed check of a step means to the caller. */
export function failureError(owner: string, failure: Failure, refused: RefusedStep): Error {
  const source = refused.sources.find(({ name }) => name === failure.layer)
  if (failure.kind === 'label') return labelError(owner, failure, refused)
  const at = refused.step === undefined ? '' : `, at step ${refused.step}`
  const details = { layer: failure.layer, step: refused.step }
  if (source) {
    const row = refused.sourceRow(Math.floor(failure.index / source.rowElements))
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

function labelError(owner: string, { layer, index, classes }: Failure, { sources, sourceRow }: RefusedStep): RangeError {
  // The loss `loss.price` reads the targets `y.price`.
  const y = sources.find(({ name }) => name === layer.replace(/^loss/, 'y'))!
  const row = sourceRow(index)
  const got = `${y.name}[${row}] = ${y.data[row]}`
  return withCode(
    new RangeError(expectation(owner, `${y.name} to hold class numbers, integers 0 … ${classes! - 1}`, got)),
    'EVENKEEL_LABEL'
  )
}
