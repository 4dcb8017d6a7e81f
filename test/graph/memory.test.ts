import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Graph, type Value } from '../../lib/graph/graph.js'
import type { LoweredCall } from '../../lib/graph/lowering.js'
import { planScratch, storageBytes } from '../../lib/graph/memory.js'

const none = (): boolean => false

function values(sizes: readonly number[]): Value[] {
  const graph = new Graph()
  return sizes.map((size, index) => graph.input(`v${index}`, [size], 'float32'))
}

const add = (out: Value, a: Value, b: Value): LoweredCall => ({ kernel: 'add', operands: [out, a, b], dims: [1], scalars: [], label: '' })

describe('planScratch', () => {
  it('never lets two values share bytes while both are alive', () => {
    const plans = fc.record({
      sizes: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 20 }),
      picks: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 30 })
    })
    fc.assert(
      fc.property(plans, ({ sizes, picks }) => {
        const all = values(sizes)
        const at = (pick: number): Value => all[pick % all.length]!
        const calls = picks.map(([out, a, b]) => add(at(out), at(a), at(b)))
        const plan = planScratch(calls, none, new Set(), {})
        const used = all.filter((value) => calls.some((call) => call.operands.includes(value)))
        const lifetime = (value: Value): [number, number] => {
          const turns = calls.flatMap((call, turn) => (call.operands.includes(value) ? [turn] : []))
          return [turns[0]!, turns.at(-1)!]
        }
        for (const [i, a] of used.entries())
          for (const b of used.slice(i + 1)) {
            const [startA, endA] = [plan.offsetOf(a)!, plan.offsetOf(a)! + storageBytes(a, {})]
            const [startB, endB] = [plan.offsetOf(b)!, plan.offsetOf(b)! + storageBytes(b, {})]
            if (startA >= endB || startB >= endA) continue
            const [[firstA, lastA], [firstB, lastB]] = [lifetime(a), lifetime(b)]
            // Sharing is allowed one after the other, or in place: one ends in the call that writes the other.
            const handover = (end: number, start: number, from: Value, to: Value): boolean =>
              end === start && calls[end]!.operands[0] === to && calls[end]!.operands[1] === from && calls[end]!.operands[2] !== from
            const apart = lastA < firstB || lastB < firstA || handover(lastA, firstB, a, b) || handover(lastB, firstA, b, a)
            expect(apart, `values of ${sizes[all.indexOf(a)]} and ${sizes[all.indexOf(b)]} elements overlap`).toBe(true)
          }
      }),
      { seed: 20, numRuns: 500 }
    )
  })

  it('gives the bytes of a value that is over to the next one', () => {
    const [a, b, c, d] = values([64, 64, 64, 64]) as [Value, Value, Value, Value]
    const plan = planScratch([add(b, a, a), add(c, b, b), add(d, c, c)], none, new Set(), {})
    expect(plan.bytes).toBe(2 * 256)
  })

  it('writes in place where the kernel may and the input is over', () => {
    const [a, b, out] = values([64, 64, 64]) as [Value, Value, Value]
    const plan = planScratch([add(a, b, b), add(out, a, b)], none, new Set(), {})
    expect(plan.offsetOf(out)).toBe(plan.offsetOf(a))
    expect(plan.offsetOf(out)).not.toBe(plan.offsetOf(b))
  })

  it('keeps what is read after the last call', () => {
    const [a, b, c, d] = values([64, 64, 64, 64]) as [Value, Value, Value, Value]
    const plan = planScratch([add(b, a, a), add(d, c, c)], none, new Set([b]), {})
    expect(plan.offsetOf(d)).not.toBe(plan.offsetOf(b))
    expect(plan.offsetOf(c)).not.toBe(plan.offsetOf(b))
  })

  it('places nothing that has a place', () => {
    const [a, b, c] = values([64, 64, 64]) as [Value, Value, Value]
    const plan = planScratch([add(c, a, b)], () => true, new Set(), {})
    expect(plan.bytes).toBe(0)
    expect(plan.offsetOf(a)).toBeUndefined()
  })
})
