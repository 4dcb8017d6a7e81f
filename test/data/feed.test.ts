import { expect, it } from 'vitest'
import { FeedMemory, FeedPool } from '../../lib/data/feed.js'
import { portableRuntime } from '../../lib/runtime/portable.js'

it('gives the same arrays to whoever asks for the same again', () => {
  const memory = new FeedMemory(portableRuntime)
  const rows = memory.view(0, Float32Array, 100)
  const symbols = memory.numbers(0, 20)
  expect(memory.view(0, Float32Array, 100)).toBe(rows)
  expect(memory.numbers(0, 20)).toBe(symbols)
  expect(memory.numbers(0, 7)).toBe(symbols)
  expect(memory.view(1, Float32Array, 100).buffer).not.toBe(rows.buffer)
  expect(memory.numbers(1, 20)).not.toBe(symbols)
})

it('gives exactly as many elements of the type that is asked for, over the same memory where it is large enough', () => {
  const memory = new FeedMemory(portableRuntime)
  const rows = memory.view(0, Float32Array, 100)
  for (const [type, length] of [
    [Float32Array, 60],
    [Int32Array, 60],
    [Uint8Array, 60],
    [Uint8Array, 0]
  ] as const) {
    const view = memory.view(0, type, length)
    expect(view).toBeInstanceOf(type)
    expect([view.buffer, view.byteOffset, view.length]).toEqual([rows.buffer, 0, length])
  }
  const larger = memory.view(0, Float32Array, 101)
  expect(larger.length).toBe(101)
  expect(larger.buffer).not.toBe(rows.buffer)
  expect(memory.numbers(0, 20)).toHaveLength(20)
  expect(memory.numbers(0, 21)).toHaveLength(21)
})

it('lends what was given back, and never one memory twice', async () => {
  const pool = new FeedPool(portableRuntime)
  const first = await pool.borrow(async (memories) => memories)
  await pool.borrow(async ([one, two]) => {
    expect([one, two]).toEqual(first)
    await pool.borrow(async (others) => expect(new Set([one, two, ...others]).size).toBe(4))
  })
})
