import { DataError, describe, expectation, FileFormatError } from '../errors.js'
import type { Tensor } from '../tensor.js'
import type { Cells } from './tables/table.js'

/** What becomes of rows with a missing cell: an error, the row is left out, or the training mean takes its place. */
export type MissingValues = 'error' | 'skip' | 'mean'

/** A column of numbers: each becomes (value − mean) / deviation, in float64, rounded to float32 once. */
export interface NumberFeature {
  readonly column: string
  readonly kind: 'number'
  /** Of the training rows; what a missing cell becomes with `missing: 'mean'`. */
  readonly mean: number
  /** Where the numbers are left as they are: false. */
  readonly standardize: boolean
  /** Of the training rows: √(Σ(value − mean)² / rows), or 1 where all are equal. */
  readonly deviation: number
}

/** A column of few different values: one number for each of them, or one number that says which. */
export interface CategoryFeature {
  readonly column: string
  readonly kind: 'category'
  /** As texts, in the order of their code units. */
  readonly categories: readonly string[]
  readonly encoding: CategoryEncoding
  /** 'ignore': all zeros, or index 0, and the known ones count from 1. */
  readonly unknown: UnknownCategory
}

export type CategoryEncoding = 'oneHot' | 'index'
export type UnknownCategory = 'error' | 'ignore'
export type Feature = NumberFeature | CategoryFeature

/** How the columns of a table become the numbers of a model, as JSON. */
export interface PreprocessingJSON {
  readonly version: 1
  readonly missing: MissingValues
  readonly features: readonly Feature[]
  /** Class names in the order of their numbers, where `y` is a column of classes. */
  readonly classes?: readonly string[]
}

/** Where cells stand, for messages. */
export interface CellPlace {
  readonly where: string
  readonly firstRow: number
}

/**
 * How the columns of a table become the numbers of a model: standardized numbers and categories, as the training rows
 * had them. `fitPreprocessing` of a dataset makes one, `createModel` takes it, and the model's file holds it, so that
 * serving cannot differ from training.
 */
export class Preprocessing {
  readonly #json: PreprocessingJSON
  readonly #encoders: readonly Encoder[]
  readonly #classes: ReadonlyMap<string, number> | undefined
  /** Numbers a row: the model's input is `[width]`. */
  readonly width: number

  /** @internal */
  constructor(json: PreprocessingJSON) {
    this.#json = json
    let width = 0
    this.#encoders = json.features.map((feature) => {
      const encoder = feature.kind === 'number' ? new NumberEncoder(feature, width) : new CategoryEncoder(feature, width)
      width += encoder.width
      return encoder
    })
    this.#classes = json.classes && new Map(json.classes.map((name, index) => [name, index]))
    this.width = width
  }

  /** The columns that it reads, in order. */
  get columns(): readonly string[] {
    return this.#json.features.map(({ column }) => column)
  }

  /** What each number of a row stands for: `age`, `city=Oslo`. */
  get features(): readonly string[] {
    return this.#json.features.flatMap((feature) =>
      feature.kind === 'category' && feature.encoding === 'oneHot'
        ? feature.categories.map((category) => `${feature.column}=${category}`)
        : [feature.column]
    )
  }

  /** Names of the classes in the order of their numbers, where `y` is a column of classes. */
  get classes(): readonly string[] | undefined {
    return this.#json.classes
  }

  get missing(): MissingValues {
    return this.#json.missing
  }

  /** @internal Whether a column's cells are read as numbers. */
  readsNumbers(column: string): boolean {
    return this.#json.features.find((feature) => feature.column === column)?.kind === 'number'
  }

  /**
   * Rows given as objects, as a service has them: `[{ age: 31, city: 'Oslo' }]` → a tensor of shape [rows, width].
   * Other keys are passed over.
   *
   * @throws DataError for a missing or unknown value where that is an error; with `missing: 'skip'` it is one too, as
   *   every row has an answer
   */
  transform(rows: readonly Readonly<Record<string, unknown>>[]): Tensor {
    const cells = this.columns.map((column) => rows.map((row) => row?.[column]))
    const skipped = new Uint8Array(rows.length)
    const data = this.encode({ where: 'Preprocessing.transform', firstRow: 0 }, cells, rows.length, skipped)
    const row = skipped.indexOf(1)
    if (row >= 0) throw missingIn('Preprocessing.transform', 'one of the columns', row)
    return { data, shape: [rows.length, this.width] }
  }

  /** @internal The rows side by side; marks those that are to be left out. */
  encode(place: CellPlace, cells: readonly Cells[], rows: number, skipped: Uint8Array): Float32Array {
    const out = new Float32Array(rows * this.width)
    const { missing } = this.#json
    for (const [index, encoder] of this.#encoders.entries())
      encoder.write(place, cells[index]!, rows, { out, width: this.width, skipped, missing })
    return out
  }

  /** @internal Class numbers; marks rows without one where they are left out. */
  encodeClasses(place: CellPlace, column: string, cells: Cells, rows: number, skipped: Uint8Array): Int32Array {
    const numbers = new Int32Array(rows)
    for (let row = 0; row < rows; row++) {
      if (skipped[row]) continue
      const cell = cells[row]
      const number = this.#classes!.get(String(cell))
      if (number !== undefined) numbers[row] = number
      else if (isMissingCell(cell) && this.#json.missing === 'skip') skipped[row] = 1
      else {
        const expected = `a class of the training rows in column '${column}'`
        throw new DataError(`${expectation(place.where, expected, describe(cell))} in row ${place.firstRow + row}`, {
          row: place.firstRow + row,
          column
        })
      }
    }
    return numbers
  }

  toJSON(): PreprocessingJSON {
    return this.#json
  }

  /** @internal From a model's file. @throws FileFormatError */
  static fromJSON(where: string, json: unknown): Preprocessing {
    const { version, missing, features, classes } = (json ?? {}) as Partial<PreprocessingJSON>
    const right =
      version === 1 &&
      ['error', 'skip', 'mean'].includes(missing as string) &&
      Array.isArray(features) &&
      features.every(isFeature) &&
      (classes === undefined || isTexts(classes))
    if (!right) throw new FileFormatError(expectation(where, "metadata 'preprocessing' of version 1", describe(version ?? json)))
    return new Preprocessing({ version, missing: missing!, features, ...(classes === undefined ? {} : { classes }) })
  }
}

function isFeature(given: unknown): given is Feature {
  const { column, kind, mean, deviation, standardize, categories, encoding, unknown } = (given ?? {}) as Record<string, unknown>
  if (typeof column !== 'string') return false
  if (kind === 'number')
    return Number.isFinite(mean) && Number.isFinite(deviation) && (deviation as number) > 0 && typeof standardize === 'boolean'
  return (
    kind === 'category' &&
    isTexts(categories) &&
    ['oneHot', 'index'].includes(encoding as string) &&
    ['error', 'ignore'].includes(unknown as string)
  )
}

const isTexts = (given: unknown): boolean => Array.isArray(given) && given.every((text) => typeof text === 'string')

interface Target {
  readonly out: Float32Array
  readonly width: number
  readonly skipped: Uint8Array
  readonly missing: MissingValues
}

interface Encoder {
  /** Numbers a row. */
  readonly width: number
  write(place: CellPlace, cells: Cells, rows: number, target: Target): void
}

class NumberEncoder implements Encoder {
  readonly width = 1
  readonly #feature: NumberFeature
  readonly #at: number

  constructor(feature: NumberFeature, at: number) {
    this.#feature = feature
    this.#at = at
  }

  write({ where, firstRow }: CellPlace, cells: Cells, rows: number, { out, width, skipped, missing }: Target): void {
    const { column, mean, standardize, deviation } = this.#feature
    const [shift, scale] = standardize ? [mean, deviation] : [0, 1]
    for (let row = 0, i = this.#at; row < rows; row++, i += width) {
      if (skipped[row]) continue
      let value = numberOf(cells[row])
      if (value === undefined) throw notNumeric(where, column, cells[row], firstRow + row)
      if (Number.isNaN(value)) {
        if (missing === 'error') throw missingIn(where, `column '${column}'`, firstRow + row, column)
        if (missing === 'skip') {
          skipped[row] = 1
          continue
        }
        value = mean
      }
      out[i] = (value - shift) / scale
    }
  }
}

class CategoryEncoder implements Encoder {
  readonly width: number
  readonly #feature: CategoryFeature
  readonly #numbers: ReadonlyMap<string, number>
  readonly #at: number

  constructor(feature: CategoryFeature, at: number) {
    this.width = feature.encoding === 'oneHot' ? feature.categories.length : 1
    this.#feature = feature
    this.#numbers = new Map(feature.categories.map((category, index) => [category, index]))
    this.#at = at
  }

  write({ where, firstRow }: CellPlace, cells: Cells, rows: number, { out, width, skipped, missing }: Target): void {
    const { column, encoding, unknown } = this.#feature
    const first = unknown === 'ignore' ? 1 : 0
    for (let row = 0, i = this.#at; row < rows; row++, i += width) {
      if (skipped[row]) continue
      const cell = cells[row]
      const number = isMissingCell(cell) ? undefined : this.#numbers.get(String(cell))
      if (number !== undefined) {
        if (encoding === 'oneHot') out[i + number] = 1
        else out[i] = number + first
      } else if (isMissingCell(cell) && missing === 'skip') skipped[row] = 1
      else if (isMissingCell(cell) && missing === 'error') throw missingIn(where, `column '${column}'`, firstRow + row, column)
      else if (unknown === 'error') throw unknownCategory(where, column, cell, firstRow + row)
    }
  }
}

/** NaN for what is missing, undefined for what is no number. */
export function numberOf(cell: unknown): number | undefined {
  if (typeof cell === 'number') return cell
  if (cell === null || cell === undefined) return Number.NaN
  return typeof cell === 'bigint' || typeof cell === 'boolean' ? Number(cell) : undefined
}

export function isMissingCell(cell: unknown): boolean {
  return cell === null || cell === undefined || cell === '' || (typeof cell === 'number' && Number.isNaN(cell))
}

export function missingIn(where: string, what: string, row: number, column?: string): DataError {
  const advice = "missing: 'skip' of fitPreprocessing leaves such rows out, 'mean' puts the training mean in their place"
  return new DataError(expectation(where, `a value in ${what}`, `none in row ${row}`, advice), { row, column })
}

export function notNumeric(where: string, column: string, cell: unknown, row: number): DataError {
  return new DataError(`${expectation(where, `numbers in column '${column}'`, describe(cell))} in row ${row}`, { row, column })
}

function unknownCategory(where: string, column: string, cell: unknown, row: number): DataError {
  const message = `${expectation(where, `a category of the training rows in column '${column}'`, describe(cell))} in row ${row}`
  return new DataError(`${message}. unknown: 'ignore' of fitPreprocessing takes others too`, { row, column })
}
