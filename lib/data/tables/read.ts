import type { ReadOptions } from './columns.js'
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
