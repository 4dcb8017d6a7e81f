import { describe, expect, it, vi } from 'vitest'
import { finishPaced } from '../../lib/data/pace.js'
import { finish, type Sliced } from '../../lib/sliced.js'

/** Busy for about `milliseconds`, in slices of 0.5 ms. */
function* busy(milliseconds: number): Sliced<number> {
  let slices = 0
  for (let spent = 0; spent < milliseconds; spent += 0.5) {
    const end = performance.now() + 0.5
    while (performance.now() < end);
    slices++
    yield
  }
  return slices
}

describe('sliced work', () => {
  it('gives the same result through and paced', async () => {
    expect(finish(busy(3))).toBe(6)
    expect(await finishPaced(busy(12))).toBe(24)
  })

  it('lets timers and other work run meanwhile', async () => {
    let turns = 0
    const count = (): void => {
      turns++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    await finishPaced(busy(60))
    clearImmediate(timer)
    expect(turns).toBeGreaterThanOrEqual(10)
  })

  it('short work never waits', async () => {
    // A clock of its own: on a busy machine a millisecond of work may take long.
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    function* work(): Sliced<void> {
      for (; now < 1.9; now += 0.5) yield
    }
    let turned = false
    const immediate = setImmediate(() => {
      turned = true
    })
    await finishPaced(work())
    clock.mockRestore()
    expect([turned, now]).toEqual([false, 2])
    clearImmediate(immediate)
  })

  it('many at once share the loop: one of them a turn', async () => {
    let turn = 0
    const count = (): void => {
      turn++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    const ran = new Map<number, Set<number>>()
    function* work(worker: number): Sliced<void> {
      for (let slice = 0; slice < 20; slice++) {
        if (!ran.has(turn)) ran.set(turn, new Set())
        ran.get(turn)!.add(worker)
        yield* busy(2.5)
      }
    }
    await Promise.all([0, 1, 2, 3, 4].map((worker) => finishPaced(work(worker))))
    clearImmediate(timer)
    // They all start in the first turn, with a slice each.
    ran.delete(0)
    expect(ran.size).toBeGreaterThan(20)
    expect(Math.max(...[...ran.values()].map((workers) => workers.size))).toBe(1)
  })

  it('an abort ends it between slices with the reason, and the work cleans up', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    let cleaned = false
    function* work(): Sliced<void> {
      try {
        yield* busy(10_000)
      } finally {
        cleaned = true
      }
    }
    setImmediate(() => controller.abort(reason))
    await expect(finishPaced(work(), { signal: controller.signal })).rejects.toBe(reason)
    expect(cleaned).toBe(true)
  })

  it('an error of the work is its own', async () => {
    function* work(): Sliced<void> {
      yield
      throw new RangeError('no')
    }
    await expect(finishPaced(work())).rejects.toThrow(RangeError)
    expect(() => finish(work())).toThrow(RangeError)
  })
})
