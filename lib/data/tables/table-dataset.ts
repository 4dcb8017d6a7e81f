import { DataError } from '../../errors.js'
import { type Block, gatherBlock, type Part } from '../blocks.js'
import type { BlockSource, Pass } from '../dataset.js'
import { Pacer } from '../pace.js'
import { RowDataset } from '../row-dataset.js'
import { checkReadOptions, type ReadOptions, type TableColumns } from './columns.js'
import { type CellSource, interleave, markMissing, type NumberCells, numberCells, type Skipped } from './project.js'
import type { Cells, Table, TableChunk } from './table.js'

/** Rows of a file: some columns are `x`, one or more are `y`, others may be carried along. */
export class TableDataset extends RowDataset {
  readonly #table: Table
  readonly #columns: TableColumns

  /** @internal */
  constructor(table: Table, columns: TableColumns) {
    super(new TableSource(table, columns))
    this.#table = table
    this.#columns = columns
  }

  /** The columns of the file. */
  get columns(): Table['columns'] {
    return this.#table.columns
  }

  /** The names of the columns that make up `x`. */
  get x(): readonly string[] {
    return this.#columns.x
  }
}

export function tableDataset(table: Table, options: ReadOptions | undefined): TableDataset {
  return new TableDataset(table, checkReadOptions(table, options))
}

class TableSource implements BlockSource {
  readonly #table: Table
  readonly #columns: TableColumns

  constructor(table: Table, columns: TableColumns) {
    this.#table = table
    this.#columns = columns
  }

  get length(): number | undefined {
    return this.#columns.missing === 'skip' ? undefined : this.#table.length
  }

  async *blocks({ skip, signal }: Pass): AsyncGenerator<Block, void, undefined> {
    const { requests, missing } = this.#columns
    const pacer = new Pacer()
    // Where rows are left out, only reading tells which is the first to give.
    let left = missing === 'skip' ? skip : 0
    for await (const chunk of this.#table.chunks({ columns: requests, firstRow: skip - left, signal })) {
      const { block: whole, error } = this.#wholeRows(chunk)
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
  #wholeRows(chunk: TableChunk): { readonly block: Block; readonly error?: DataError } {
    try {
      return { block: this.#block(chunk) }
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      const rows = error.row - chunk.firstRow
      // Another column may have one that is before it.
      return { error, ...this.#wholeRows({ ...chunk, rows, columns: chunk.columns.map((cells) => firstCells(cells, rows)) }) }
    }
  }

  #block(chunk: TableChunk): Block {
    const { x, y, sampleWeight, keep, missing, requests } = this.#columns
    const source: CellSource = { where: this.#table.where, chunk }
    const skipped = new Uint8Array(chunk.rows)
    let count = 0
    const place = new Map(requests.map(({ name, numbers }, index) => [numbers ? name : `keep.${name}`, index]))
    const numbers = (name: string): NumberCells => {
      const values = numberCells(source, name, chunk.columns[place.get(name)!]!)
      count += markMissing(source, name, values, missing, skipped)
      return values
    }
    const parts = new Map<string, Part>()
    parts.set('x', beside(x.map(numbers), chunk.rows))
    if (y) parts.set('y', y.length === 1 ? column(Array.from(numbers(y[0]!))) : beside(y.map(numbers), chunk.rows))
    if (sampleWeight) parts.set('sampleWeight', column(Float32Array.from(numbers(sampleWeight))))
    for (const name of keep) parts.set(`columns.${name}`, column(chunk.columns[place.get(`keep.${name}`)!] as Part['data']))
    const block = { rows: chunk.rows, numbers: { first: chunk.firstRow }, parts }
    return count === 0 ? block : gatherBlock(block, kept(skipped, count))
  }
}

function firstCells(cells: Cells, rows: number): Cells {
  return Array.isArray(cells) ? cells.slice(0, rows) : (cells as Float32Array).subarray(0, rows)
}

const column = (data: Part['data']): Part => ({ data, shape: [], width: 1 })

function beside(columns: readonly NumberCells[], rows: number): Part {
  const width = columns.length
  const data = new Float32Array(rows * width)
  interleave(data, width, columns, rows)
  return { data, shape: [width], width }
}

function kept(skipped: Skipped, count: number): Int32Array {
  const rows = new Int32Array(skipped.length - count)
  for (let row = 0, at = 0; row < skipped.length; row++) if (skipped[row] === 0) rows[at++] = row
  return rows
}
