import { outOfRange, wrongKind } from '../../errors.js'
import { checkOptions, choiceOption } from '../../options.js'
import type { MissingCells } from './project.js'
import { assertColumn } from './project.js'
import type { ColumnRequest, Table } from './table.js'

/** What of a file is read, and as what. */
export interface ReadOptions {
  /** The columns that make up `x`, in this order; default all that are not used otherwise. */
  readonly x?: readonly string[]
  /** The column that is `y`; several give a target of so many values. Omitted: no `y`, as for scoring. */
  readonly y?: string | readonly string[]
  /** The column that weighs each row in the loss. */
  readonly sampleWeight?: string
  /** Other columns that each batch carries along in `columns`, as they stand in the file: their names, or 'all' of the file. */
  readonly keep?: readonly string[] | 'all'
  /** What becomes of a row with a cell that is empty, null or NaN: an error (the default), or it is left out. */
  readonly missing?: MissingCells
}

export const readOptionNames = ['x', 'y', 'sampleWeight', 'keep', 'missing'] as const

export interface TableColumns {
  readonly x: readonly string[]
  readonly y: readonly string[] | undefined
  readonly sampleWeight: string | undefined
  readonly keep: readonly string[]
  readonly missing: MissingCells
  /** Those of numbers, then those of `keep`. */
  readonly requests: readonly ColumnRequest[]
}

export function checkReadOptions(table: Table, options: ReadOptions | undefined): TableColumns {
  const owner = table.where
  const given = checkOptions<ReadOptions>(owner, options, readOptionNames, {
    columns: 'Use x for the columns of numbers that a model takes, keep for others',
    label: 'Use y',
    target: 'Use y'
  })
  const names = table.columns.map(({ name }) => name)
  const y = given.y === undefined ? undefined : columnNames(table, 'y', typeof given.y === 'string' ? [given.y] : given.y)
  const sampleWeight = given.sampleWeight === undefined ? undefined : columnNames(table, 'sampleWeight', [given.sampleWeight])[0]!
  const keep = given.keep === undefined ? [] : given.keep === 'all' ? names : columnNames(table, 'keep', given.keep, true)
  const used = new Set([...(y ?? []), sampleWeight, ...(given.keep === 'all' ? [] : keep)])
  const x = given.x === undefined ? names.filter((name) => !used.has(name)) : columnNames(table, 'x', given.x)
  if (x.length === 0) throw outOfRange(owner, 'at least one column for x', [])
  const missing = choiceOption(owner, 'missing', given.missing, 'error', ['error', 'skip'])
  const numbers = [...new Set([...x, ...(y ?? []), ...(sampleWeight ? [sampleWeight] : [])])]
  const requests = [...numbers.map((name) => ({ name, numbers: true })), ...keep.map((name) => ({ name, numbers: false }))]
  return { x, y, sampleWeight, keep, missing, requests }
}

function columnNames(table: Table, option: string, given: unknown, empty = false): readonly string[] {
  const { where, columns } = table
  if (!Array.isArray(given) || given.some((name) => typeof name !== 'string'))
    throw wrongKind(where, `${option} to be names of columns`, given)
  if (given.length === 0 && !empty) throw outOfRange(where, `at least one column for ${option}`, given)
  const twice = given.find((name, index) => given.indexOf(name) !== index)
  if (twice !== undefined) throw outOfRange(where, `every column of ${option} once`, [twice, twice])
  for (const name of given) assertColumn(where, columns, name)
  return given
}
