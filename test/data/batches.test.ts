import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BatchCut, cutBatches, type LastBatch, lastBatchChoices } from '../../lib/data/batches.js'

const sizes = (cut: BatchCut): number[] => Array.from({ length: cut.count }, (_, index) => cut.size(index))
const cuts = fc.record({
  rows: fc.oneof(fc.nat(300), fc.nat(2 ** 40)),
  batchSize: fc.integer({ min: 1, max: 2 ** 31 }),
  lastBatch: fc.constantFrom<LastBatch>(...lastBatchChoices)
})

describe('cutBatches', () => {
  it.each([
    [10, 4, 'balance', [4, 3, 3]],
    [9, 4, 'balance', [3, 3, 3]],
    [8, 4, 'balance', [4, 4]],
    [1, 128, 'balance', [1]],
    [0, 4, 'balance', []],
    [129, 128, 'balance', [65, 64]],
    [10, 4, 'keep', [4, 4, 2]],
    [0, 4, 'keep', []],
    [10, 4, 'drop', [4, 4]],
    [3, 4, 'drop', []],
    [3, 4, 'keep', [3]]
  ] as const)('%i rows by %i, %s', (rows, batchSize, lastBatch, expected) => {
    expect(sizes(cutBatches(rows, batchSize, lastBatch))).toEqual(expected)
  })

  it('covers each row once, in order, in batches of the right sizes', () => {
    fc.assert(
      fc.property(cuts, ({ rows, batchSize, lastBatch }) => {
        const cut = cutBatches(rows, batchSize, lastBatch)
        const full = rows / batchSize
        expect(cut.count).toBe(lastBatch === 'drop' ? Math.floor(full) : Math.ceil(full))
        expect(cut.rows).toBe(lastBatch === 'drop' ? rows - (rows % batchSize) : rows)
        const { count } = cut
        for (const index of new Set([0, 1, count >> 1, count - 2, count - 1].filter((index) => index >= 0 && index < count))) {
          const [start, size] = [cut.start(index), cut.size(index)]
          expect(size).toBeGreaterThan(0)
          expect(size).toBeLessThanOrEqual(Math.min(batchSize, cut.largest))
          expect(start + size).toBe(index + 1 < count ? cut.start(index + 1) : cut.rows)
          if (lastBatch === 'balance') expect(cut.largest - size).toBeLessThanOrEqual(1)
        }
        if (count > 0) expect([cut.start(0), cut.size(0)]).toEqual([0, cut.largest])
      })
    )
  })

  it('sums to the rows', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom<LastBatch>(...lastBatchChoices),
        (rows, batchSize, last) => {
          const cut = cutBatches(rows, batchSize, last)
          const all = sizes(cut)
          expect(all.reduce((sum, size) => sum + size, 0)).toBe(cut.rows)
          expect(all).toEqual([...all].sort((a, b) => b - a))
        }
      )
    )
  })
})
