import { FileFormatError } from '../errors.js'
import { checkOptions } from '../options.js'
import type { Block, Part } from './blocks.js'
import type { BlockSource, Pass } from './dataset.js'
import { Pacer } from './pace.js'
import { RowDataset } from './row-dataset.js'
import { type OpenSourceFile, SourceFile } from './tables/source-file.js'

/** Options of `readIdxDataset`. */
export interface ReadIdxDatasetOptions {
  /** A file of one class number a row. */
  readonly labels?: string | URL
}

/** Bytes of rows that one read takes. */
const readBytes = 1 << 20

/**
 * Opens IDX files, the format of MNIST, as a dataset that reads them in pieces: rows of bytes, and their class numbers.
 * For files of unsigned bytes that are not compressed; `readIdx` reads the others, as a whole.
 *
 * @param path of the rows: a file path or a file: URL
 * @throws FileFormatError for files of another kind, truncated, of different lengths, or that change while they are read
 */
export async function readIdxDataset(path: string | URL, options?: ReadIdxDatasetOptions): Promise<RowDataset> {
  const owner = 'readIdxDataset'
  const { labels } = checkOptions<ReadIdxDatasetOptions>(owner, options, ['labels'])
  const x = await IdxBytes.at(owner, path)
  const y = labels === undefined ? undefined : await IdxBytes.at(owner, labels)
  if (y && (y.shape.length !== 0 || y.rows !== x.rows))
    throw new FileFormatError(`${y.source.where}: expected ${x.rows} class numbers, got ${y.rows} rows of shape [${y.shape.join(', ')}]`)
  return new RowDataset(new IdxSource(x, y))
}

/** A file of unsigned bytes whose header was checked. */
class IdxBytes {
  private constructor(
    readonly source: SourceFile,
    readonly rows: number,
    /** Of a row. */
    readonly shape: readonly number[],
    readonly start: number
  ) {}

  static async at(owner: string, path: string | URL): Promise<IdxBytes> {
    const source = await SourceFile.at(owner, path)
    const file = await source.open()
    try {
      const head = Buffer.alloc(Math.min(4, source.size))
      await file.read(head, 0)
      const [first, second, type, dimensions = 0] = head
      if (first !== 0 || second !== 0 || type !== 8 || dimensions === 0)
        throw new FileFormatError(
          `${source.where}: expected an IDX file of unsigned bytes (00 00 08, the number of dimensions), got one that starts ${head.toString('hex')}. readIdx reads other types, and gzip`
        )
      const start = 4 + 4 * dimensions
      const sizes = Buffer.alloc(Math.min(start, source.size) - 4)
      await file.read(sizes, 4)
      const shape = Array.from({ length: Math.floor(sizes.length / 4) }, (_, index) => sizes.readUInt32BE(4 * index))
      const bytes = shape.reduce((product, size) => product * size, 1)
      if (shape.length < dimensions || start + bytes !== source.size)
        throw new FileFormatError(
          `${source.where}: expected ${start + bytes} bytes for its shape [${shape.join(', ')}], got ${source.size}`
        )
      return new IdxBytes(source, shape[0]!, shape.slice(1), start)
    } finally {
      await file.close()
    }
  }

  get width(): number {
    return this.shape.reduce((product, size) => product * size, 1)
  }

  async read(file: OpenSourceFile, row: number, rows: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(rows * this.width)
    await file.read(bytes, this.start + row * this.width)
    return bytes
  }
}

class IdxSource implements BlockSource {
  readonly #x: IdxBytes
  readonly #y: IdxBytes | undefined

  constructor(x: IdxBytes, y: IdxBytes | undefined) {
    this.#x = x
    this.#y = y
  }

  get length(): number {
    return this.#x.rows
  }

  async *blocks({ skip, signal }: Pass): AsyncGenerator<Block, void, undefined> {
    const [x, y] = [this.#x, this.#y]
    const most = Math.max(1, Math.floor(readBytes / Math.max(1, x.width)))
    const pacer = new Pacer()
    const files: OpenSourceFile[] = []
    try {
      for (const part of y ? [x, y] : [x]) files.push(await part.source.open())
      for (let row = skip; row < x.rows; row += most) {
        signal?.throwIfAborted()
        const rows = Math.min(most, x.rows - row)
        const parts = new Map<string, Part>([['x', { data: await x.read(files[0]!, row, rows), shape: x.shape, width: x.width }]])
        if (y) parts.set('y', { data: Int32Array.from(await y.read(files[1]!, row, rows)), shape: [], width: 1 })
        yield { rows, numbers: { first: row }, parts }
        if (pacer.due) await pacer.pause()
      }
      for (const file of files) await file.assertUnchanged()
    } finally {
      for (const file of files) await file.close()
    }
  }
}
