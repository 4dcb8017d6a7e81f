import { checkOptions, expectPath } from '../../options.js'
import { openArrow } from './arrow.js'
import { type ReadOptions, readOptionNames } from './columns.js'
import { type CsvOptions, csvOptionNames, openCsv } from './csv.js'
import { openJsonLines } from './json-lines.js'
import { openParquet } from './parquet.js'
import { type TableDataset, tableDataset } from './table-dataset.js'

/**
 * Opens a Parquet file as a dataset. It is read a page of each column at a time, only the columns that are used, so
 * memory does not grow with the file. Codecs: uncompressed, snappy, gzip, brotli, zstd, lz4.
 *
 * @param path a file path or a file: URL
 * @throws TypeError for a column that is not there; FileFormatError for a file of another kind, or one that changes
 *   while it is read; DataError with the number of the row for a cell that is no number
 */
export async function readParquet(path: string | URL, options?: ReadOptions): Promise<TableDataset> {
  return tableDataset(await openParquet('readParquet', path), options)
}

/** Options of `readCsv`. */
export interface ReadCsvOptions extends ReadOptions, CsvOptions {}

/**
 * Opens a CSV file (RFC 4180, UTF-8) as a dataset, read in slices. The first row names the columns, unless `header`
 * does. Numbers are decimal ones; cells of nothing, `NA`, `NaN` and `null` are missing. Blank lines are passed over and
 * do not count as rows; a row with too few or too many cells is an error.
 *
 * @param path a file path or a file: URL
 * @throws TypeError for a column that is not there; FileFormatError for a file that changes while it is read; DataError
 *   with the number of the row for a cell that is no number
 */
export async function readCsv(path: string | URL, options: ReadCsvOptions = {}): Promise<TableDataset> {
  const given = checkOptions<ReadCsvOptions>(`readCsv '${String(expectPath('readCsv', path))}'`, options, [
    ...readOptionNames,
    ...csvOptionNames
  ])
  const { delimiter, header, ...columns } = given
  return tableDataset(
    await openCsv('readCsv', path, { ...(delimiter === undefined ? {} : { delimiter }), ...(header === undefined ? {} : { header }) }),
    columns
  )
}

/**
 * Opens a file of one JSON object a line as a dataset. Its columns are the keys of the first 200 rows; a key that a row
 * does not have is a missing cell, like null. Blank lines are passed over and do not count as rows.
 *
 * @param path a file path or a file: URL
 * @throws TypeError for a column that is not there; FileFormatError for a file that changes while it is read; DataError
 *   with the number of the row for a line that is no object, or a cell that is no number
 */
export async function readJsonLines(path: string | URL, options?: ReadOptions): Promise<TableDataset> {
  return tableDataset(await openJsonLines('readJsonLines', path), options)
}

/**
 * Opens an Arrow IPC file or stream as a dataset, a record batch at a time. It needs the package `apache-arrow`, which
 * this one does not bring along.
 *
 * @param path a file path or a file: URL
 * @throws TypeError for a column that is not there; FileFormatError for a file of another kind, or one that changes
 *   while it is read; DataError with the number of the row for a cell that is no number
 */
export async function readArrow(path: string | URL, options?: ReadOptions): Promise<TableDataset> {
  return tableDataset(await openArrow('readArrow', path), options)
}
