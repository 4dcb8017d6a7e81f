import { DataError, describe } from '../errors.js'
import { type Key, Purpose, philoxBlock, streamOf } from '../random.js'
import { type Block, gatherBlock, rowNumber, sliceBlock } from './blocks.js'
import type { BlockSource, Pass } from './dataset.js'
import { Pacer } from './pace.js'
import { PhiloxRow, type RowRandom } from './row-random.js'
import { RowBuilder, type RowSample, rowOf } from './row-values.js'
import { Draws, ShuffleBuffer } from './shuffle-buffer.js'

type Blocks = AsyncGenerator<Block, void, undefined>

/** Leaves out the first `pass.skip` rows of what `blocks` gives without skipping: where only reading tells which they are. */
async function* skipped(pass: Pass, blocks: (pass: Pass) => Blocks): Blocks {
  let left = pass.skip
  for await (const block of blocks({ ...pass, skip: 0 })) {
    const dropped = Math.min(left, block.rows)
    left -= dropped
    if (dropped < block.rows) yield sliceBlock(block, dropped, block.rows)
  }
}

/** Rows that `change` makes of rows. */
export function mapped(
  source: BlockSource,
  change: (row: RowSample, random: RowRandom) => RowSample | PromiseLike<RowSample>,
  ordinal: number
): BlockSource {
  return {
    get length() {
      return source.length
    },
    async *blocks(pass) {
      const random = new PhiloxRow(pass.key, pass.epoch, ordinal)
      const pacer = new Pacer()
      let builder: RowBuilder | undefined
      for await (const block of source.blocks(pass)) {
        builder ??= new RowBuilder(block.rows)
        for (let row = 0; row < block.rows; row++) {
          const number = rowNumber(block, row)
          try {
            const given = change(rowOf(block, row), random.at(number))
            builder.add('Dataset.map', given instanceof Promise ? await given : (given as RowSample), number)
          } catch (error) {
            // The rows before are whole.
            if (builder.rows > 0) yield builder.take()
            throw error instanceof DataError ? error : thrownBy('map', number, error)
          }
          if (pacer.due) {
            await pacer.pause()
            pass.signal?.throwIfAborted()
          }
        }
        yield builder.take()
      }
    }
  }
}

function thrownBy(method: string, row: number, cause: unknown): DataError {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new DataError(`Dataset.${method}: expected row ${row} to go through, got an error of the function: ${said}`, { row, cause })
}

/** The rows for which `keep` answers true. */
export function filtered(source: BlockSource, keep: (row: RowSample) => boolean | PromiseLike<boolean>): BlockSource {
  async function* blocks(pass: Pass): Blocks {
    const pacer = new Pacer()
    for await (const block of source.blocks(pass)) {
      const rows: number[] = []
      let failure: { readonly error: unknown } | undefined
      for (let row = 0; row < block.rows && !failure; row++) {
        const number = rowNumber(block, row)
        try {
          if (keepAnswer(await keep(rowOf(block, row)), number)) rows.push(row)
        } catch (error) {
          failure = { error: error instanceof DataError ? error : thrownBy('filter', number, error) }
        }
        if (pacer.due) {
          await pacer.pause()
          pass.signal?.throwIfAborted()
        }
      }
      if (rows.length === block.rows) yield block
      else if (rows.length > 0) yield gatherBlock(block, rows)
      // The rows before are whole.
      if (failure) throw failure.error
    }
  }
  return { blocks: (pass) => skipped(pass, blocks) }
}

function keepAnswer(answer: unknown, row: number): boolean {
  if (typeof answer === 'boolean') return answer
  throw new DataError(`Dataset.filter: expected true or false for row ${row}, got ${describe(answer)}`, { row })
}

/** Rows that are mixed in one go, at most. */
const mixedRows = 1 << 10

/** Rows in random order: each is taken from a buffer of `size`, where all are equally likely, and the next takes its place. */
export function shuffled(source: BlockSource, size: number, ordinal: number): BlockSource {
  async function* blocks(pass: Pass): Blocks {
    const draws = new Draws(pass.key, pass.epoch, ordinal)
    const buffer = new ShuffleBuffer(size)
    const pacer = new Pacer()
    let failure: { readonly error: unknown } | undefined
    try {
      for await (const block of source.blocks(pass)) {
        let at = buffer.full ? 0 : buffer.fill(block, 0)
        for (; at < block.rows; at += mixedRows) {
          yield buffer.exchange(block, at, Math.min(block.rows, at + mixedRows), draws)
          if (pacer.due) await pacer.pause()
        }
      }
    } catch (error) {
      pass.signal?.throwIfAborted()
      failure = { error }
    }
    // Also where the source failed: the rows before are whole.
    yield* buffer.rest(draws, mixedRows)
    if (failure) throw failure.error
  }
  return {
    get length() {
      return source.length
    },
    blocks: (pass) => skipped(pass, blocks)
  }
}

/** The first `count` rows. */
export function taken(source: BlockSource, count: number): BlockSource {
  return {
    get length() {
      return source.length === undefined ? undefined : Math.min(source.length, count)
    },
    async *blocks(pass) {
      let left = count - pass.skip
      if (left <= 0) return
      for await (const block of source.blocks(pass)) {
        yield sliceBlock(block, 0, Math.min(block.rows, left))
        left -= block.rows
        if (left <= 0) return
      }
    }
  }
}

/** All but the first `count` rows. */
export function dropped(source: BlockSource, count: number): BlockSource {
  return {
    get length() {
      return source.length === undefined ? undefined : Math.max(0, source.length - count)
    },
    blocks: (pass) => source.blocks({ ...pass, skip: pass.skip + count })
  }
}

/** Decides for each row which side of a split it is on, by its number alone: in every epoch the same. */
export class Split {
  readonly #fraction: number
  readonly #held: boolean
  readonly #key: Key
  readonly #words = new Uint32Array(4)

  /** @param held whether to keep the `fraction` or the others */
  constructor(fraction: number, key: Key, held: boolean) {
    this.#fraction = fraction
    this.#key = key
    this.#held = held
  }

  has(row: number): boolean {
    philoxBlock(this.#words, 0, row | 0, Math.floor(row / 2 ** 32), 0, streamOf(Purpose.splitting, 0), this.#key[0], this.#key[1])
    return this.#words[0]! * 2 ** -32 < this.#fraction === this.#held
  }
}

export function splitOff(source: BlockSource, split: Split): BlockSource {
  return filteredByNumber(source, (row) => split.has(row))
}

function filteredByNumber(source: BlockSource, has: (row: number) => boolean): BlockSource {
  async function* blocks(pass: Pass): Blocks {
    for await (const block of source.blocks(pass)) {
      const rows: number[] = []
      for (let row = 0; row < block.rows; row++) if (has(rowNumber(block, row))) rows.push(row)
      if (rows.length > 0) yield gatherBlock(block, rows)
    }
  }
  return { blocks: (pass) => skipped(pass, blocks) }
}
