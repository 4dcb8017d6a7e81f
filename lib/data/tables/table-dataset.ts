import { wrongKind } from '../../errors.js'
import { checkOptions } from '../../options.js'
import { PreprocessingFit, type PreprocessingOptions, preprocessingOptionNames } from '../fit-preprocessing.js'
import { Pacer } from '../pace.js'
import { Preprocessing } from '../preprocessing.js'
import { RowDataset, type SplitOptions, splitOptions } from '../row-dataset.js'
import { Split } from '../row-steps.js'
import { checkReadOptions, type ReadOptions } from './columns.js'
import { assertColumn } from './project.js'
import type { Table } from './table.js'
import { splitRows, TableSource, type View } from './table-source.js'

/** Rows of a file: some columns are `x`, one or more are `y`, others may be carried along. */
export class TableDataset extends RowDataset {
  readonly #table: Table
  readonly #view: View

  /** @internal */
  constructor(table: Table, view: View) {
    super(new TableSource(table, view))
    this.#table = table
    this.#view = view
  }

  /** The columns of the file. */
  get columns(): Table['columns'] {
    return this.#table.columns
  }

  /** The names of the columns that make up `x`. */
  get x(): readonly string[] {
    return this.#view.columns.x
  }

  /** As of any dataset; both parts are still of the file, so that `fitPreprocessing` of the training part can be applied to both. */
  override split(options: SplitOptions): { readonly training: TableDataset; readonly validation: TableDataset } {
    const { fraction, key } = splitOptions(options)
    const part = (held: boolean): TableDataset =>
      new TableDataset(this.#table, { ...this.#view, splits: [...this.#view.splits, new Split(fraction, key, held)] })
    return { training: part(false), validation: part(true) }
  }

  /**
   * Goes through the rows once and learns how their columns become numbers: mean and deviation of columns of numbers,
   * the values of columns of categories, the names of the classes. Give it the training part only.
   *
   * @throws DataError with row and column for a cell that cannot be used
   */
  async fitPreprocessing(options?: PreprocessingOptions): Promise<Preprocessing> {
    const where = `${this.#table.where}, fitPreprocessing`
    const given = checkOptions<PreprocessingOptions>(where, options, preprocessingOptionNames)
    const { x, y } = this.#view.columns
    const column = (name: string) => this.#table.columns.find((found) => found.name === name)!
    const fit = new PreprocessingFit(where, x.map(column), y?.length === 1 ? column(y[0]!) : undefined, given)
    const names = fit.classes === undefined ? x : [...x, fit.classes]
    const columns = names.map((name) => ({ name, numbers: fit.isNumber(name) }))
    const pacer = new Pacer()
    try {
      for await (const chunk of this.#table.chunks({ columns, signal: given.signal })) {
        fit.add(chunk, splitRows(chunk, this.#view.splits))
        if (pacer.due) await pacer.pause()
      }
    } catch (error) {
      given.signal?.throwIfAborted()
      throw await this.#table.explained(error)
    }
    return fit.result()
  }

  /** The same rows with `x` and the classes of `y` as the preprocessing makes them. */
  preprocess(preprocessing: Preprocessing): TableDataset {
    const { where, columns: found } = this.#table
    if (!(preprocessing instanceof Preprocessing))
      throw wrongKind(`${where}, preprocess`, 'what fitPreprocessing gave', preprocessing, 'Await it first')
    for (const name of preprocessing.columns) assertColumn(where, found, name)
    const { columns } = this.#view
    const classes = preprocessing.classes ? columns.y?.[0] : undefined
    const numbers = new Set([...preprocessing.columns.filter((name) => preprocessing.readsNumbers(name)), ...(columns.y ?? [])])
    if (columns.sampleWeight) numbers.add(columns.sampleWeight)
    if (classes) numbers.delete(classes)
    const texts = new Set([...preprocessing.columns.filter((name) => !preprocessing.readsNumbers(name)), ...columns.keep])
    if (classes) texts.add(classes)
    const request = (flag: boolean) => (name: string) => ({ name, numbers: flag })
    const requests = [...[...numbers].map(request(true)), ...[...texts].map(request(false))]
    return new TableDataset(this.#table, { ...this.#view, preprocessing, columns: { ...columns, x: preprocessing.columns, requests } })
  }
}

export function tableDataset(table: Table, options: ReadOptions | undefined): TableDataset {
  return new TableDataset(table, { columns: checkReadOptions(table, options), splits: [], preprocessing: undefined })
}
