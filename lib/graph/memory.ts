import { kernelSpecs } from '../kernels/table.js'
import { bytesPerElement } from '../kernels/types.js'
import { elementCount, evaluateDimension, type SymbolValues, sameDimension } from '../shape.js'
import type { Value } from './graph.js'
import { storageOf } from './lower.js'
import type { LoweredCall, Operand, Temporary } from './lowering.js'

/** Cache lines, and the widest vectors. */
const alignment = 64

type Storage = Value | Temporary

interface Block {
  readonly bytes: number
  first: number
  last: number
  offset: number
}

export interface ScratchPlan {
  /** Bytes of the whole region. */
  readonly bytes: number
  offsetOf(storage: Storage): number | undefined
}

/**
 * Places everything that `calls` touch and that is not `placed` in one scratch region: two blocks share bytes only
 * where their lifetimes, in call numbers, do not touch. Largest first, each at the lowest free offset: the
 * greedy-by-size rule (Pisarchyk & Lee 2020, "Efficient memory management for deep neural net inference").
 */
export function planScratch(
  calls: readonly LoweredCall[],
  placed: (storage: Storage) => boolean,
  kept: ReadonlySet<Storage>,
  maxima: SymbolValues
): ScratchPlan {
  const blocks = lifetimes(calls, placed, kept, maxima)
  const unique = [...new Set(blocks.values())].sort((a, b) => b.bytes - a.bytes || a.first - b.first)
  /** Placed blocks by rising offset. */
  const done: Block[] = []
  let total = 0
  for (const block of unique) {
    place(block, done)
    total = Math.max(total, block.offset + block.bytes)
  }
  return { bytes: total, offsetOf: (storage) => blocks.get(storage)?.offset }
}

export function storageBytes(storage: Storage, maxima: SymbolValues): number {
  const bytes = evaluateDimension(elementCount(storage.shape), maxima) * bytesPerElement[storage.dtype]
  return Math.ceil(bytes / alignment) * alignment
}

export function operandStorage(operand: Operand): Storage | null {
  if (operand === null) return null
  return 'temporary' in operand ? operand : storageOf(operand)
}

function lifetimes(
  calls: readonly LoweredCall[],
  placed: (storage: Storage) => boolean,
  kept: ReadonlySet<Storage>,
  maxima: SymbolValues
): Map<Storage, Block> {
  const last = new Map<Storage, number>()
  for (const [index, call] of calls.entries())
    for (const operand of call.operands) {
      const storage = operandStorage(operand)
      if (storage) last.set(storage, kept.has(storage) ? calls.length : index)
    }
  const blocks = new Map<Storage, Block>()
  for (const [index, call] of calls.entries())
    for (const operand of call.operands) {
      const storage = operandStorage(operand)
      if (!storage || placed(storage) || blocks.has(storage)) continue
      const reused = blockInPlace(call, storage, index, last, blocks, maxima)
      if (reused) reused.last = last.get(storage)!
      blocks.set(storage, reused ?? { bytes: storageBytes(storage, maxima), first: index, last: last.get(storage)!, offset: 0 })
    }
  return blocks
}

/** The block of an input that ends with this call and that the kernel may overwrite with this output. */
function blockInPlace(
  call: LoweredCall,
  output: Storage,
  index: number,
  last: ReadonlyMap<Storage, number>,
  blocks: ReadonlyMap<Storage, Block>,
  maxima: SymbolValues
): Block | undefined {
  const { operands } = kernelSpecs[call.kernel]
  const storages = call.operands.map(operandStorage)
  const position = storages.indexOf(output)
  const name = operands[position]!.inPlaceOf
  if (name === undefined) return undefined
  const input = storages[operands.findIndex((operand) => operand.name === name)]
  if (!input || last.get(input) !== index || storages.filter((storage) => storage === input).length !== 1) return undefined
  // A smaller one that is read again and again would be written over; both may round up to the same bytes.
  if (!sameDimension(elementCount(input.shape), elementCount(output.shape))) return undefined
  const block = blocks.get(input)
  return block && block.last === index && block.bytes === storageBytes(output, maxima) ? block : undefined
}

/** Gives a block the lowest offset that is free while it lives, and keeps `done` in order. */
function place(block: Block, done: Block[]): void {
  let offset = 0
  for (const other of done) {
    if (other.first > block.last || block.first > other.last) continue
    if (offset + block.bytes <= other.offset) break
    offset = Math.max(offset, other.offset + other.bytes)
  }
  block.offset = offset
  const behind = done.findIndex((other) => other.offset > offset)
  done.splice(behind < 0 ? done.length : behind, 0, block)
}
