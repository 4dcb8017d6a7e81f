import { DataError, expectation, outOfRange, wrongKind } from '../errors.js'
import { choiceOption, integerOption } from '../options.js'
import {
  type CategoryEncoding,
  type Feature,
  isMissingCell,
  type MissingValues,
  missingIn,
  notNumeric,
  numberOf,
  type UnknownCategory
} from './features.js'
import { Preprocessing } from './preprocessing.js'
import type { Cells, TableChunk, TableColumn } from './tables/table.js'

/** Options of `fitPreprocessing`. */
export interface PreprocessingOptions {
  /** Columns of numbers to standardize, true (the default): all of them, false: none. */
  readonly standardize?: boolean | readonly string[]
  /** Columns of categories and how each becomes numbers; columns of text are 'oneHot' without being named. */
  readonly categorical?: Readonly<Record<string, CategoryEncoding>>
  /** What becomes of a category that the training rows do not have; default 'error'. */
  readonly unknown?: UnknownCategory
  /** What becomes of rows with a missing cell, in training and in serving; default 'error'. */
  readonly missing?: MissingValues
  /** Whether `y` holds classes, which become numbers in the order of their names; default: where it is text. */
  readonly classes?: boolean
  /** Different values that a categorical column may have; default 1000. */
  readonly maxCategories?: number
  /** Ends the reading; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export const preprocessingOptionNames = ['standardize', 'categorical', 'unknown', 'missing', 'classes', 'maxCategories', 'signal'] as const

/** Mean and sum of squared deviations of many values, merged slice by slice (Chan, Golub & LeVeque 1979), in float64. */
class Moments {
  count = 0
  mean = 0
  #squares = 0

  add(values: Float64Array, count: number): void {
    if (count === 0) return
    let sum = 0
    for (let i = 0; i < count; i++) sum += values[i]!
    const mean = sum / count
    let squares = 0
    for (let i = 0; i < count; i++) squares += (values[i]! - mean) ** 2
    const all = this.count + count
    const delta = mean - this.mean
    this.#squares += squares + (delta * delta * this.count * count) / all
    this.mean += (delta * count) / all
    this.count = all
  }

  /** Biased; 1 where all values are equal. */
  get deviation(): number {
    return Math.sqrt(this.#squares / this.count) || 1
  }
}

interface Collecting {
  readonly column: string
  readonly moments?: Moments
  readonly categories?: Set<string>
}

/** Learns from the training rows, chunk by chunk, what `Preprocessing` holds. */
export class PreprocessingFit {
  readonly #where: string
  readonly #missing: MissingValues
  readonly #unknown: UnknownCategory
  readonly #standardize: boolean | readonly string[]
  readonly #encodings: Readonly<Record<string, CategoryEncoding>>
  readonly #most: number
  readonly #columns: readonly Collecting[]
  readonly #classes: Collecting | undefined

  constructor(where: string, x: readonly TableColumn[], y: TableColumn | undefined, options: PreprocessingOptions) {
    const { categorical = {}, classes = y?.kind === 'text', standardize = true } = options
    this.#where = where
    this.#missing = choiceOption(where, 'missing', options.missing, 'error', ['error', 'skip', 'mean'])
    this.#unknown = choiceOption(where, 'unknown', options.unknown, 'error', ['error', 'ignore'])
    this.#most = integerOption(where, 'maxCategories', options.maxCategories, 1000, { atLeast: 1 })
    const encodings: Record<string, CategoryEncoding> = {}
    for (const { name, kind } of x) if (kind === 'text') encodings[name] = 'oneHot'
    for (const [name, encoding] of Object.entries(categorical)) {
      if (!x.some((column) => column.name === name))
        throw wrongKind(
          where,
          `a column '${name}' in x`,
          x.map((column) => column.name)
        )
      encodings[name] = choiceOption(where, `categorical.${name}`, encoding, 'oneHot', ['oneHot', 'index'])
    }
    if (Array.isArray(standardize))
      for (const name of standardize)
        if (!x.some((column) => column.name === name) || name in encodings)
          throw wrongKind(
            where,
            `a column of numbers '${name}' in x`,
            x.map((column) => column.name)
          )
    this.#standardize = standardize
    this.#encodings = encodings
    this.#columns = x.map(({ name }) =>
      name in encodings ? { column: name, categories: new Set() } : { column: name, moments: new Moments() }
    )
    if (classes && !y) throw outOfRange(where, 'one column as y for classes', undefined)
    this.#classes = classes && y ? { column: y.name, categories: new Set() } : undefined
  }

  /** The column of classes, if there is one. */
  get classes(): string | undefined {
    return this.#classes?.column
  }

  isNumber(column: string): boolean {
    return !(column in this.#encodings) && column !== this.classes
  }

  /** Takes in the rows that `skipped` does not mark. Cells of the x columns in order, then those of the classes. */
  add(chunk: TableChunk, skipped: Uint8Array): void {
    const all = this.#classes ? [...this.#columns, this.#classes] : this.#columns
    // Rows are left out as a whole: first find them all.
    if (this.#missing !== 'mean')
      for (const [index, { column }] of all.entries()) this.#leaveOut(chunk, column, chunk.columns[index]!, skipped)
    for (const [index, { column, moments, categories }] of all.entries()) {
      const cells = chunk.columns[index]!
      if (moments) this.#numbers(chunk, column, moments, cells, skipped)
      else if (categories) this.#texts(chunk, column, categories, cells, skipped)
    }
  }

  result(): Preprocessing {
    const features = this.#columns.map(({ column, moments, categories }): Feature => {
      if (categories)
        return { column, kind: 'category', categories: [...categories].sort(), encoding: this.#encodings[column]!, unknown: this.#unknown }
      if (moments!.count === 0)
        throw new DataError(expectation(this.#where, `at least one number in column '${column}'`, 'none'), { row: 0, column })
      const { mean, deviation } = moments!
      const standardize = Array.isArray(this.#standardize) ? this.#standardize.includes(column) : (this.#standardize as boolean)
      return { column, kind: 'number', mean, standardize, deviation }
    })
    const classes = this.#classes && [...this.#classes.categories!].sort()
    return new Preprocessing({ version: 1, missing: this.#missing, features, ...(classes ? { classes } : {}) })
  }

  #leaveOut({ firstRow, rows }: TableChunk, column: string, cells: Cells, skipped: Uint8Array): void {
    for (let row = 0; row < rows; row++) {
      if (skipped[row] || !isMissingCell(cells[row])) continue
      if (this.#missing === 'error') throw missingIn(this.#where, `column '${column}'`, firstRow + row, column)
      skipped[row] = 1
    }
  }

  #numbers({ firstRow, rows }: TableChunk, column: string, moments: Moments, cells: Cells, skipped: Uint8Array): void {
    const values = new Float64Array(rows)
    let count = 0
    for (let row = 0; row < rows; row++) {
      if (skipped[row]) continue
      const value = numberOf(cells[row])
      if (value === undefined) throw notNumeric(this.#where, column, cells[row], firstRow + row)
      if (!Number.isNaN(value)) values[count++] = value
    }
    moments.add(values, count)
  }

  #texts({ firstRow, rows }: TableChunk, column: string, categories: Set<string>, cells: Cells, skipped: Uint8Array): void {
    for (let row = 0; row < rows; row++) {
      if (skipped[row] || isMissingCell(cells[row])) continue
      categories.add(String(cells[row]))
      if (categories.size <= this.#most) continue
      const expected = `at most maxCategories = ${this.#most} different values in column '${column}'`
      throw new DataError(expectation(this.#where, expected, `more in row ${firstRow + row}`), { row: firstRow + row, column })
    }
  }
}
