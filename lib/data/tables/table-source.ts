import { DataError } from '../../errors.js'
import { type Block, gatherBlock, type Part } from '../blocks.js'
import type { BlockSource, Pass } from '../dataset.js'
import { Pacer } from '../pace.js'
import type { Preprocessing } from '../preprocessing.js'
import type { Split } from '../row-steps.js'
import type { TableColumns } from './columns.js'
import { type CellSource, interleave, markMissing, type NumberCells, numberCells, type Skipped } from './project.js'
import type { Cells, ColumnRequest, Table, TableChunk } from './table.js'

/** What of a table a dataset gives. */
export interface View {
  readonly columns: TableColumns
  /** A row is given where every one of them has it. */
  readonly splits: readonly Split[]
  readonly preprocessing: Preprocessing | undefined
}

/** Room for so many numbers of `x`. */
type Memory = (elements: number) => Float32Array

/** Marks the rows that are not of the part. */
export function splitRows({ firstRow, rows }: TableChunk, splits: readonly Split[]): Skipped {
  const skipped = new Uint8Array(rows)
  for (const split of splits) for (let row = 0; row < rows; row++) if (!split.has(firstRow + row)) skipped[row] = 1
  return skipped
}

/** The rows of a file as blocks. */
export class TableSource implements BlockSource {
  readonly #table: Table
  readonly #view: View
  /** Whether rows are left out, so that only reading tells how many there are. */
  readonly #thins: boolean
  /** Where in a chunk a column stands, as numbers and as it is. */
  readonly #places: ReadonlyMap<string, number>

  constructor(table: Table, view: View) {
    const { columns, splits, preprocessing } = view
    this.#table = table
    this.#view = view
    this.#thins = splits.length > 0 || (preprocessing?.missing ?? columns.missing) === 'skip'
    this.#places = new Map(columns.requests.map((request, index) => [placeKey(request), index]))
  }

  get length(): number | undefined {
    return this.#thins ? undefined : this.#table.length
  }

  blocks(pass: Pass): AsyncGenerator<Block, void, undefined> {
    return this.#read(pass, (elements) => new Float32Array(elements))
  }

  lent(pass: Pass): AsyncGenerator<Block, void, undefined> {
    let memory = new Float32Array(0)
    return this.#read(pass, (elements) => {
      if (memory.length < elements) memory = new Float32Array(elements)
      return memory.subarray(0, elements)
    })
  }

  async *#read(pass: Pass, memory: Memory): AsyncGenerator<Block, void, undefined> {
    try {
      yield* this.#blocks(pass, memory)
    } catch (error) {
      pass.signal?.throwIfAborted()
      throw await this.#table.explained(error)
    }
  }

  async *#blocks({ skip, signal }: Pass, memory: Memory): AsyncGenerator<Block, void, undefined> {
    const { requests } = this.#view.columns
    const pacer = new Pacer()
    let left = this.#thins ? skip : 0
    for await (const chunk of this.#table.chunks({ columns: requests, firstRow: skip - left, signal })) {
      const { block: whole, error } = this.#wholeRows(chunk, memory)
      let block = whole
      if (left > 0) {
        const dropped = Math.min(left, block.rows)
        left -= dropped
        block = gatherBlock(
          block,
          Array.from({ length: block.rows - dropped }, (_, row) => row + dropped)
        )
      }
      if (block.rows > 0) yield block
      if (error) throw error
      if (pacer.due) await pacer.pause()
    }
  }

  /** The rows before the first that cannot be used, and why it cannot. */
  #wholeRows(chunk: TableChunk, memory: Memory): { readonly block: Block; readonly error?: DataError } {
    try {
      return { block: this.#block(chunk, memory) }
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      const rows = error.row - chunk.firstRow
      // Another column may have one that is before it.
      return { error, ...this.#wholeRows({ ...chunk, rows, columns: chunk.columns.map((cells) => firstCells(cells, rows)) }, memory) }
    }
  }

  #block(chunk: TableChunk, memory: Memory): Block {
    const { columns, splits, preprocessing } = this.#view
    const { x, y, sampleWeight, keep } = columns
    const source: CellSource = { where: this.#table.where, chunk }
    const skipped = splitRows(chunk, splits)
    const missing = preprocessing?.missing === 'skip' ? 'skip' : preprocessing ? 'error' : columns.missing
    const cells = (name: string, asNumbers: boolean): Cells => chunk.columns[this.#places.get(placeKey({ name, numbers: asNumbers }))!]!
    const numbers = (name: string): NumberCells => numberCells(source, name, cells(name, true))
    const mark = (name: string, values: NumberCells): void => markMissing(source, name, values, missing, skipped)
    const marked = (name: string): NumberCells => {
      const values = numbers(name)
      mark(name, values)
      return values
    }
    const beside = (names: readonly string[], data: Float32Array): Part => {
      const values = names.map(numbers)
      // Looking at each cell takes longer than writing it: only where there is reason to.
      if (interleave(data, values, chunk.rows)) for (const [index, name] of names.entries()) mark(name, values[index]!)
      return { data, shape: [names.length], width: names.length }
    }
    const parts = new Map<string, Part>()
    if (preprocessing) {
      const given = x.map((name) => cells(name, preprocessing.readsNumbers(name)))
      const data = preprocessing.encode({ where: source.where, firstRow: chunk.firstRow }, given, chunk.rows, skipped)
      parts.set('x', { data, shape: [preprocessing.width], width: preprocessing.width })
    } else parts.set('x', beside(x, memory(chunk.rows * x.length)))
    if (y && preprocessing?.classes) {
      const place = { where: source.where, firstRow: chunk.firstRow }
      parts.set('y', column(preprocessing.encodeClasses(place, y[0]!, cells(y[0]!, false), chunk.rows, skipped)))
    } else if (y) parts.set('y', y.length === 1 ? column(listOf(marked(y[0]!))) : beside(y, new Float32Array(chunk.rows * y.length)))
    if (sampleWeight) parts.set('sampleWeight', column(Float32Array.from(marked(sampleWeight))))
    for (const name of keep) parts.set(`columns.${name}`, column(cells(name, false) as Part['data']))
    const block = { rows: chunk.rows, numbers: { first: chunk.firstRow }, parts }
    return skipped.includes(1) ? gatherBlock(block, kept(skipped)) : block
  }
}

const placeKey = ({ name, numbers }: ColumnRequest): string => `${numbers ? 'number' : 'cell'} ${name}`

function firstCells(cells: Cells, rows: number): Cells {
  return Array.isArray(cells) ? cells.slice(0, rows) : (cells as Float32Array).subarray(0, rows)
}

const column = (data: Part['data']): Part => ({ data, shape: [], width: 1 })

/** `Array.from` goes through an iterator: 20 ns a number instead of 4.5. */
function listOf(values: NumberCells): number[] {
  const list = new Array<number>(values.length)
  for (let row = 0; row < values.length; row++) list[row] = values[row]!
  return list
}

function kept(skipped: Skipped): number[] {
  const rows: number[] = []
  for (let row = 0; row < skipped.length; row++) if (skipped[row] === 0) rows.push(row)
  return rows
}
