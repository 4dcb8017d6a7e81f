import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Gate } from '../../lib/data/gate.js'
import { Cancellation, Lock } from '../../lib/data/lock.js'

describe('the lock', () => {
  it('lets one in alone or several that share, in the order of asking, whoever leaves and whoever gives up', async () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('enter' as const), shared: fc.boolean() }),
        fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }),
        fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() })
      ),
      { maxLength: 60 }
    )
    await fc.assert(
      fc.asyncProperty(actions, async (script) => {
        const lock = new Lock()
        // The model: who is inside, and who waits in which order.
        let inside: { id: number; shared: boolean }[] = []
        let waiting: { id: number; shared: boolean }[] = []
        const admitted: number[] = []
        const expected: number[] = []
        const cancellations = new Map<number, Cancellation>()
        const settle = () => {
          while (waiting[0] && (inside.length === 0 || (waiting[0].shared && inside.every(({ shared }) => shared)))) {
            expected.push(waiting[0].id)
            inside.push(waiting.shift()!)
          }
        }
        for (const [id, action] of script.entries()) {
          if (action.kind === 'enter') {
            const cancellation = new Cancellation()
            cancellations.set(id, cancellation)
            waiting.push({ id, shared: action.shared })
            settle()
            const entered = lock.enter(action.shared, cancellation)
            if (entered === true) admitted.push(id)
            else void entered.then((yes) => yes && admitted.push(id))
          } else if (action.kind === 'leave' && inside.length > 0) {
            const gone = inside[action.which % inside.length]!
            inside = inside.filter((one) => one !== gone)
            settle()
            lock.leave(gone.shared)
          } else if (action.kind === 'cancel' && waiting.length > 0) {
            const gone = waiting[action.which % waiting.length]!
            waiting = waiting.filter((one) => one !== gone)
            settle()
            cancellations.get(gone.id)!.cancel()
          }
          await turn()
          expect(admitted).toEqual(expected)
        }
      })
    )
  })

  it('does not let anyone in who was cancelled before', async () => {
    const lock = new Lock()
    const cancellation = new Cancellation()
    cancellation.cancel()
    expect(await lock.enter(false, cancellation)).toBe(false)
    expect(lock.enter(false)).toBe(true)
  })
})

describe('the gate', () => {
  it('keeps writers out from the first turn of a reader to its last, and readers take turns', async () => {
    const gate = new Gate('thing')
    const events: string[] = []
    const read = (name: string) =>
      gate.reading('test', async () => {
        for (let i = 0; i < 3; i++) {
          await gate.readingTurn('test', async () => {
            events.push(`${name}${i} in`)
            await turn()
            events.push(`${name}${i} out`)
          })
        }
      })
    const write = (name: string) => gate.turn('test', () => void events.push(name))
    await Promise.all([read('a'), read('b'), write('w'), read('c'), write('v')])
    const turns = events.filter((event) => event.length > 1).map((event) => event.slice(0, 2))
    // In and out of a turn follow each other: no two readers are inside one.
    expect(turns.every((name, index) => index % 2 === 0 || name === turns[index - 1])).toBe(true)
    const order = events.map((event) => event[0]).join('')
    expect(order).toMatch(/^[ab]{12}wc{6}v$/)
    expect(order.slice(0, 12)).not.toBe('aaaaaabbbbbb')
  })

  it('gives undefined to whoever is cancelled while waiting, and the rest goes on', async () => {
    const gate = new Gate('thing')
    let release = () => {}
    const held = gate.reading('test', () => new Promise<void>((resolve) => (release = resolve)))
    const cancellation = new Cancellation()
    const writer = gate.turn('test', () => 'never', cancellation)
    const reader = gate.reading('test', () => 'read')
    cancellation.cancel()
    expect(await writer).toBeUndefined()
    // It waited behind the writer only.
    expect(await reader).toBe('read')
    release()
    await held
    expect(await gate.turn('test', () => 1)).toBe(1)
  })
})
