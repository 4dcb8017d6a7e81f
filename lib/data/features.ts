import { DataError, describe, expectation } from '../errors.js'
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

/** Where cells stand, for messages. */
export interface CellPlace {
  readonly where: string
  readonly firstRow: number
}

/** Where the numbers go. */
interface Target {
  readonly out: Float32Array
  readonly width: number
  readonly skipped: Uint8Array
  readonly missing: MissingValues
}

/** Writes the numbers of one column. */
export interface Encoder {
  /** Numbers a row. */
  readonly width: number
  write(place: CellPlace, cells: Cells, rows: number, target: Target): void
}

export class NumberEncoder implements Encoder {
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

export class CategoryEncoder implements Encoder {
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
