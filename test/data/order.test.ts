import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { epochOrder } from '../../lib/data/order.js'
import { finish } from '../../lib/sliced.js'

const order = (rows: number, epoch = 0, key: readonly [number, number] = [7, 0]): Int32Array => {
  const target = new Int32Array(rows).fill(-1)
  finish(epochOrder(target, key, epoch))
  return target
}

describe('epochOrder', () => {
  it('is a permutation, for any number of rows', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1), (rows, epoch, key) => {
        const sorted = order(rows, epoch, [key, 0]).sort()
        expect(sorted.every((row, index) => row === index)).toBe(true)
      })
    )
  })

  it('is the same for a seed and an epoch, and another for others', () => {
    const base = order(1000, 3, [1, 2])
    expect(order(1000, 3, [1, 2])).toEqual(base)
    for (const other of [order(1000, 4, [1, 2]), order(1000, 3, [2, 2]), order(1000, 3, [1, 3])]) {
      // Two unrelated orders agree in one place on average, in eight or more once in 10⁵.
      expect(other.filter((row, index) => row === base[index]).length).toBeLessThan(8)
    }
  })

  it('makes every order of four rows equally often', () => {
    const counts = new Map<string, number>()
    const draws = 24_000
    for (let epoch = 0; epoch < draws; epoch++) {
      const key = order(4, epoch).join()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    // Chi-squared with 23 degrees of freedom exceeds 60 once in 30,000 runs; the seed is fixed.
    const expected = draws / 24
    const chi = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    expect(chi).toBeLessThan(60)
  })

  it('sends each row anywhere', () => {
    const rows = 1 << 16
    const values = order(rows)
    const eighth = rows / 8
    for (let part = 0; part < 8; part++) {
      const found = new Float64Array(8)
      for (let i = part * eighth; i < (part + 1) * eighth; i++) found[Math.floor(values[i]! / eighth)]! += 1
      // Each of 64 counts is 1024 with a deviation of 28 (hypergeometric); six deviations.
      for (const count of found) expect(Math.abs(count - eighth / 8)).toBeLessThan(6 * 28)
    }
  })

  it('is cut into slices', () => {
    const work = epochOrder(new Int32Array(100_000), [1, 0], 0)
    let slices = 0
    while (!work.next().done) slices++
    expect(slices).toBeGreaterThan(8)
  })

  it('keeps this order: saved checkpoints continue by it', () => {
    expect([...order(12, 5, [123456789, 987654321])]).toMatchInlineSnapshot(`
      [
        8,
        3,
        1,
        7,
        4,
        5,
        10,
        2,
        9,
        6,
        0,
        11,
      ]
    `)
  })
})
