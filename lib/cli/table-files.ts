import path from 'node:path'
import type { ReadOptions } from '../data/tables/columns.js'
import { readArrow, readCsv, readJsonLines, readParquet } from '../data/tables/read.js'
import type { TableDataset } from '../data/tables/table-dataset.js'

const readers: Readonly<Record<string, (file: string, options: ReadOptions) => Promise<TableDataset>>> = {
  '.csv': readCsv,
  '.tsv': (file, options) => readCsv(file, { ...options, delimiter: '\t' }),
  '.jsonl': readJsonLines,
  '.ndjson': readJsonLines,
  '.parquet': readParquet,
  '.arrow': readArrow,
  '.feather': readArrow
}

/** A file of rows by its extension. */
export async function openTableFile(file: string, options: ReadOptions): Promise<TableDataset> {
  const reader = readers[path.extname(file).toLowerCase()]
  if (!reader) throw new Error(`expected a file that ends in ${Object.keys(readers).join(', ')}, got ${file}`)
  return await reader(file, options)
}
