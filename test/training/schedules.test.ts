import { describe, expect, it } from 'vitest'
import type { Schedule } from '../../lib/programs/types.js'
import { exponentialDecay, polynomialDecay } from '../../lib/training/decays.js'
import { oneCycle } from '../../lib/training/one-cycle.js'
import {
  constantRate,
  cosineDecay,
  rateAt,
  scheduleFromJSON,
  scheduleJSON,
  stepDecay,
  toSchedule,
  warmUp
} from '../../lib/training/schedules.js'

const rates = (schedule: Schedule, ...steps: number[]): number[] => steps.map((step) => schedule.at(step))

describe('schedules', () => {
  it('constantRate', () => {
    expect(rates(constantRate(0.1), 0, 1, 1e9)).toEqual([0.1, 0.1, 0.1])
  })

  it('stepDecay multiplies after every so many steps', () => {
    expect(rates(stepDecay({ learningRate: 8, every: 3, factor: 0.5 }), 0, 2, 3, 5, 6, 9)).toEqual([8, 8, 4, 4, 2, 1])
    expect(stepDecay({ learningRate: 1, every: 2 }).at(2)).toBe(0.1)
  })

  it('cosineDecay starts at the rate, is half way in the middle, and stays at the end', () => {
    const schedule = cosineDecay({ learningRate: 1, steps: 100, final: 0.2 })
    expect(schedule.at(0)).toBe(1)
    expect(schedule.at(50)).toBeCloseTo(0.6, 14)
    expect(schedule.at(25)).toBeCloseTo(0.2 + (0.8 * (1 + Math.SQRT1_2)) / 2, 14)
    expect(rates(schedule, 100, 101, 1e6)).toEqual([0.2, 0.2, 0.2])
    for (let step = 1; step <= 100; step++) expect(schedule.at(step)).toBeLessThan(schedule.at(step - 1))
  })

  it('exponentialDecay multiplies evenly', () => {
    const schedule = exponentialDecay({ learningRate: 8, factor: 0.25, every: 2 })
    expect(rates(schedule, 0, 2, 4)).toEqual([8, 2, 0.5])
    expect(schedule.at(1)).toBeCloseTo(4, 14)
    expect(exponentialDecay({ learningRate: 1, factor: 0.5 }).at(3)).toBe(0.125)
  })

  it('polynomialDecay falls to its end and stays', () => {
    expect(rates(polynomialDecay({ learningRate: 8, steps: 4 }), 0, 1, 2, 4, 5)).toEqual([8, 6, 4, 0, 0])
    expect(rates(polynomialDecay({ learningRate: 9, steps: 4, final: 1, power: 2 }), 0, 2, 4, 9)).toEqual([9, 3, 1, 1])
  })

  it('oneCycle rises and falls by half cosines, at the points of OneCycleLR', () => {
    const schedule = oneCycle({ learningRate: 1, steps: 11, rise: 5 / 11 })
    expect(schedule.at(0)).toBeCloseTo(1 / 25, 14)
    expect(schedule.at(2)).toBeCloseTo((1 + 1 / 25) / 2, 14)
    expect(schedule.at(4)).toBeCloseTo(1, 14)
    expect(schedule.at(7)).toBeCloseTo((1 + 4e-6) / 2, 14)
    expect(rates(schedule, 10, 11, 1e6)).toEqual([4e-6, 4e-6, 4e-6])
    for (let step = 1; step <= 10; step++) expect(schedule.at(step) > schedule.at(step - 1)).toBe(step <= 4)
    // max_lr 0.1, total_steps 10, the other options PyTorch's own: computed by its formula with a peak at 0.3 · 10 − 1.
    const published = [0.004, 0.052, 0.1, 0.09504846320134737, 0.08117456539497631, 0.06112620219362893, 0.03887419780637106]
    for (const [step, rate] of published.entries()) expect(oneCycle({ learningRate: 0.1, steps: 10 }).at(step)).toBeCloseTo(rate, 6)
    expect(rates(oneCycle({ learningRate: 2, steps: 1 }), 0, 1)).toEqual([8e-6, 8e-6])
    expect(oneCycle({ learningRate: 2, steps: 9, rise: 0 }).at(0)).toBe(2)
    expect(oneCycle({ learningRate: 2, steps: 9, rise: 1, final: 0.5 }).at(8)).toBe(0.5)
  })

  it('warmUp rises in equal parts to the first rate of what follows', () => {
    const schedule = warmUp({ steps: 3, schedule: stepDecay({ learningRate: 4, every: 2, factor: 0.5 }) })
    expect(rates(schedule, 0, 1, 2, 3, 4, 5)).toEqual([1, 2, 3, 4, 4, 2])
    expect(rates(warmUp({ steps: 1, schedule: 4 }), 0, 1, 9)).toEqual([2, 4, 4])
  })

  it.each([
    constantRate(0.3),
    stepDecay({ learningRate: 0.3, every: 7 }),
    cosineDecay({ learningRate: 0.3, steps: 50 }),
    exponentialDecay({ learningRate: 0.3, factor: 0.9, every: 4 }),
    polynomialDecay({ learningRate: 0.3, steps: 40, final: 0.1, power: 0.5 }),
    oneCycle({ learningRate: 0.3, steps: 50 }),
    warmUp({ steps: 5, schedule: warmUp({ steps: 2, schedule: cosineDecay({ learningRate: 1, steps: 9, final: 0.1 }) }) })
  ])('$kind comes back from JSON with the same rates', (schedule) => {
    const again = scheduleFromJSON(JSON.parse(JSON.stringify(scheduleJSON(schedule))))
    for (let step = 0; step < 60; step++) expect(again.at(step)).toBe(schedule.at(step))
    expect(scheduleJSON(again)).toEqual(scheduleJSON(schedule))
  })

  it('takes a number, a schedule, or the JSON of one', () => {
    expect(toSchedule('sgd', 'learningRate', 0.5).at(3)).toBe(0.5)
    const own: Schedule = { kind: 'own', options: {}, at: (step) => 1 / (step + 1) }
    expect(toSchedule('sgd', 'learningRate', own)).toBe(own)
    expect(toSchedule('sgd', 'learningRate', { kind: 'constantRate', learningRate: 2 }).at(0)).toBe(2)
    expect(() => toSchedule('sgd', 'learningRate', 'fast')).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected learningRate to be a number or a schedule, got 'fast']`
    )
    expect(() => toSchedule('sgd', 'learningRate', undefined)).toThrow(TypeError)
    expect(() => toSchedule('sgd', 'learningRate', -1)).toThrow(RangeError)
  })

  it('checks options and the rates of a user', () => {
    expect(() => stepDecay({ learningRate: 0.1, step: 3 } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: stepDecay: expected only the options learningRate, every, factor, got 'step']`
    )
    expect(() => stepDecay({ learningRate: 0.1 } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: stepDecay: expected every to be an integer at least 1, got undefined]`
    )
    expect(() => cosineDecay({ learningRate: 0.1, steps: 0 })).toThrow(RangeError)
    expect(() => cosineDecay({ steps: 10 } as never)).toThrow(TypeError)
    expect(() => warmUp({ steps: 2.5, schedule: 1 })).toThrow(RangeError)
    expect(() => scheduleFromJSON({ kind: 'cyclic' })).toThrowErrorMatchingInlineSnapshot(
      `[FileFormatError: scheduleFromJSON: expected a schedule of this library, got kind 'cyclic']`
    )
    expect(() => rateAt({ kind: 'own', options: {}, at: () => Number.NaN }, 4)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: own.at(4): expected a finite learning rate at least 0, got NaN]`
    )
  })
})
