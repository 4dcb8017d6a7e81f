import type { StaticShape } from '../shape.js'

/** The values of some rows, one row after the other. */
export interface Part {
  readonly data: Values
  /** Of one row. */
  readonly shape: StaticShape
  readonly width: number
}

export type Values = Float32Array | Float64Array | Int32Array | Uint8Array | readonly unknown[]

/** Rows on their way from a source to a batch. Parts: `x` or `x.name` each, `y`, `sampleWeight`, `columns.name` each. */
export interface Block {
  readonly rows: number
  /** Number of each row in its source, from `first` on where they follow each other. */
  readonly numbers: Float64Array | { readonly first: number }
  readonly parts: ReadonlyMap<string, Part>
}

export function rowNumber({ numbers }: Block, row: number): number {
  return numbers instanceof Float64Array ? numbers[row]! : numbers.first + row
}

/** Rows start … end − 1, not copied where the memory allows it. */
export function sliceBlock(block: Block, start: number, end: number): Block {
  if (start === 0 && end === block.rows) return block
  const { numbers } = block
  return {
    rows: end - start,
    numbers: numbers instanceof Float64Array ? numbers.subarray(start, end) : { first: numbers.first + start },
    parts: mapParts(block.parts, ({ data, width }) => sliceValues(data, start * width, end * width))
  }
}

/** The rows of `indices`, copied. */
export function gatherBlock(block: Block, indices: ArrayLike<number>): Block {
  const { length } = indices
  const numbers = new Float64Array(length)
  for (let i = 0; i < length; i++) numbers[i] = rowNumber(block, indices[i]!)
  const parts = mapParts(block.parts, ({ data, width }) => {
    const out = emptyValues(data, length * width) as unknown[]
    for (let i = 0; i < length; i++) for (let j = 0; j < width; j++) out[i * width + j] = data[indices[i]! * width + j]
    return out as Values
  })
  return { rows: length, numbers, parts }
}

/** One block of all rows; the blocks have the same parts. */
export function concatBlocks(blocks: readonly Block[]): Block {
  const [head] = blocks
  if (blocks.length === 1) return head!
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  const parts = new Map<string, Part>()
  for (const [name, part] of head!.parts) {
    const data = emptyValues(part.data, rows * part.width)
    let filled = 0
    for (const block of blocks) filled = append(data, filled, block.parts.get(name)!.data)
    parts.set(name, { ...part, data })
  }
  return { rows, numbers: concatNumbers(blocks, rows), parts }
}

function concatNumbers(blocks: readonly Block[], rows: number): Block['numbers'] {
  const { first } = blocks[0]!.numbers as { readonly first?: number }
  let next = first
  for (const { numbers, rows: count } of blocks)
    next = next !== undefined && !(numbers instanceof Float64Array) && numbers.first === next ? next + count : undefined
  if (next !== undefined) return { first: first! }
  const numbers = new Float64Array(rows)
  let at = 0
  for (const block of blocks) for (let row = 0; row < block.rows; row++) numbers[at++] = rowNumber(block, row)
  return numbers
}

function mapParts(parts: ReadonlyMap<string, Part>, values: (part: Part) => Values): Map<string, Part> {
  const result = new Map<string, Part>()
  for (const [name, part] of parts) result.set(name, { ...part, data: values(part) })
  return result
}

function sliceValues(data: Values, start: number, end: number): Values {
  return isList(data) ? data.slice(start, end) : data.subarray(start, end)
}

/** Of the same kind as `like`. */
export function emptyValues(like: Values, length: number): Values {
  if (isList(like)) return new Array<unknown>(length)
  return new (like.constructor as new (length: number) => Values)(length)
}

function append(target: Values, at: number, data: Values): number {
  if (isList(target)) for (let i = 0; i < data.length; i++) (target as unknown[])[at + i] = data[i]
  else target.set(data as Float32Array, at)
  return at + data.length
}

function isList(data: Values): data is readonly unknown[] {
  return Array.isArray(data)
}
