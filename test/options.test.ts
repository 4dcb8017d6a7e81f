import { describe, expect, it } from 'vitest'
import { booleanOption, checkOptions, choiceOption, integerOption, nearest, numberOption } from '../lib/options.js'

interface Options {
  learningRate?: number
  momentum?: number
  weightDecay?: number
}
const allowed = ['learningRate', 'momentum', 'weightDecay'] as const
const check = (options: unknown, notes?: Record<string, string>) => checkOptions<Options>('sgd', options as Options, allowed, notes)

describe('checkOptions', () => {
  it('gives known options back, and an empty object for undefined', () => {
    const options = { learningRate: 0.1 }
    expect(check(options)).toBe(options)
    expect(check(undefined)).toEqual({})
    expect(check(Object.assign(Object.create(null), { momentum: 0.9 }))).toEqual({ momentum: 0.9 })
  })

  it('names the misspelled option, the nearest one and all of them', () => {
    expect(() => check({ learningrate: 0.1 })).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected only the options learningRate, momentum, weightDecay, got 'learningrate'. Did you mean learningRate?]`
    )
    expect(() => check({ momentun: 0.1 })).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected only the options learningRate, momentum, weightDecay, got 'momentun'. Did you mean momentum?]`
    )
    expect(() => check({ flavour: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected only the options learningRate, momentum, weightDecay, got 'flavour']`
    )
    expect(() => checkOptions('relu', { slope: 1 } as object, [])).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: relu: expected no options, got 'slope']`
    )
  })

  it('has a sentence for names from elsewhere', () => {
    expect(() => check({ betas: [0.9, 0.999] }, { betas: 'Give beta1 and beta2' })).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected only the options learningRate, momentum, weightDecay, got 'betas'. Give beta1 and beta2]`
    )
  })

  it('is a TypeError with a code', () => {
    expect(() => check({ constructor: 1 })).toThrow(expect.objectContaining({ name: 'TypeError', code: 'EVENKEEL_OPTION' }))
  })

  it.each([[null], [7], ['fast'], [[1]], [new Map()], [new Float32Array(2)], [() => 1]])('refuses %o', (options) => {
    expect(() => check(options)).toThrow(/^sgd: expected an options object, got /)
    expect(() => check(options)).toThrow(TypeError)
  })
})

describe('nearest', () => {
  it.each([
    ['lr', 'learningRate'],
    ['learning_rate', 'learningRate'],
    ['weight-decay', 'weightDecay'],
    ['mom', 'momentum'],
    ['mometnum', 'momentum'],
    ['rate', 'learningRate'],
    ['decay', 'weightDecay'],
    ['flavour', undefined],
    ['', undefined],
    ['x', undefined]
  ])('%s → %s', (word, expected) => {
    expect(nearest(word, allowed)).toBe(expected)
  })
})

describe('values of options', () => {
  it('numbers', () => {
    expect(numberOption('o', 'rate', undefined, 0.5)).toBe(0.5)
    expect(numberOption('o', 'rate', 1, 0.5, { atLeast: 0, atMost: 1 })).toBe(1)
    expect(() => numberOption('dropout', 'rate', 1.5, 0.5, { atLeast: 0, atMost: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: dropout: expected rate to be a finite number at least 0 and at most 1, got 1.5]`
    )
    expect(() => numberOption('o', 'rate', Number.NaN, 0.5)).toThrow(RangeError)
    expect(() => numberOption('o', 'rate', '1', 0.5)).toThrow(TypeError)
    expect(() => numberOption('o', 'rate', 0, 0.5, { above: 0 })).toThrow(RangeError)
    expect(() => numberOption('o', 'rate', 1, 0.5, { above: 0, below: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: o: expected rate to be a finite number above 0 and below 1, got 1]`
    )
  })

  it('integers', () => {
    expect(integerOption('o', 'units', 3, 1)).toBe(3)
    expect(() => integerOption('linear', 'outputs', 2.5, 1, { atLeast: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: linear: expected outputs to be an integer at least 1, got 2.5]`
    )
    expect(() => integerOption('o', 'units', 2 ** 53, 1)).toThrow(RangeError)
    expect(() => integerOption('o', 'units', 2n, 1)).toThrow(TypeError)
  })

  it('booleans and words', () => {
    expect(booleanOption('o', 'bias', undefined, true)).toBe(true)
    expect(() => booleanOption('linear', 'bias', 0, true)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: linear: expected bias to be true or false, got 0]`
    )
    expect(choiceOption('o', 'lastBatch', 'keep', 'drop', ['keep', 'drop'])).toBe('keep')
    expect(() => choiceOption('fit', 'lastBatch', 'kept', 'drop', ['balance', 'keep', 'drop'])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: fit: expected lastBatch to be 'balance' or 'keep' or 'drop', got 'kept']`
    )
    expect(() => choiceOption('fit', 'lastBatch', 1, 'drop', ['keep', 'drop'])).toThrow(TypeError)
  })
})
