import { DataError, describe, expectation, FileFormatError } from '../errors.js'
import type { Tensor } from '../tensor.js'
import {
  CategoryEncoder,
  type CellPlace,
  type Encoder,
  type Feature,
  isMissingCell,
  type MissingValues,
  missingIn,
  NumberEncoder
} from './features.js'
import type { Cells } from './tables/table.js'

/** How the columns of a table become the numbers of a model, as JSON. */
export interface PreprocessingJSON {
  readonly version: 1
  readonly missing: MissingValues
  readonly features: readonly Feature[]
  /** Class names in the order of their numbers, where `y` is a column of classes. */
  readonly classes?: readonly string[]
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
