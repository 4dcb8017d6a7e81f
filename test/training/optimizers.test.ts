import { describe, expect, it } from 'vitest'
import { kernelSpecs } from '../../lib/kernels/table.js'
import type { Optimizer } from '../../lib/programs/types.js'
import { adam, adamW, optimizerFromJSON, optimizerJSON, sgd } from '../../lib/training/optimizers.js'
import { cosineDecay } from '../../lib/training/schedules.js'

const all: Optimizer[] = [
  sgd({ learningRate: 0.1 }),
  sgd({ learningRate: cosineDecay({ learningRate: 0.1, steps: 9 }), momentum: 0.9, nesterov: true, weightDecay: 1e-4, maxNorm: 3 }),
  adam(),
  adamW({ learningRate: 1e-4, beta1: 0, beta2: 0.99, epsilon: 1e-6 })
]

/** The scalar that the kernel's table calls `name`, at a step. */
function scalar(optimizer: Optimizer, name: string, step: number): number {
  const scalar = optimizer.scalars[kernelSpecs[optimizer.kernel].scalars.indexOf(name)]!
  return typeof scalar === 'number' ? scalar : optimizer.stepValues(step)[scalar]!
}

describe('optimizers', () => {
  it.each(all)('$kind fits its kernel: a value for each scalar, states among the operands', (optimizer) => {
    const spec = kernelSpecs[optimizer.kernel]
    expect(optimizer.scalars).toHaveLength(spec.scalars.length)
    for (const name of spec.scalars) expect(Number.isFinite(scalar(optimizer, name, 0)), name).toBe(true)
    const operands = spec.operands.map((operand) => operand.name)
    for (const state of optimizer.states) expect(operands).toContain(state)
    const needed = spec.operands.filter((operand) => operand.access === 'readwrite' && !operand.optional).map((operand) => operand.name)
    expect(['parameters', ...optimizer.states]).toEqual(expect.arrayContaining(needed))
  })

  it.each(all)('$kind comes back from JSON', (optimizer) => {
    const again = optimizerFromJSON(JSON.parse(JSON.stringify(optimizerJSON(optimizer))))
    expect(optimizerJSON(again)).toEqual(optimizerJSON(optimizer))
    expect(again.scalars).toEqual(optimizer.scalars)
    for (let step = 0; step < 12; step++) expect(again.stepValues(step)).toEqual(optimizer.stepValues(step))
  })

  it('sgd holds a velocity only with momentum', () => {
    expect(sgd({ learningRate: 1 }).states).toEqual([])
    const nesterov = sgd({ learningRate: 1, momentum: 0.9, nesterov: true })
    expect(nesterov.states).toEqual(['velocity'])
    expect([scalar(nesterov, 'momentum', 0), scalar(nesterov, 'nesterov', 0)]).toEqual([0.9, 1])
  })

  it('adam corrects the bias of both moments: the first step is learningRate · sign(g) whatever the betas', () => {
    for (const [beta1, beta2] of [
      [0.9, 0.999],
      [0, 0],
      [0.5, 0.9]
    ] as const) {
      const optimizer = adam({ learningRate: 0.01, beta1, beta2 })
      const g = -0.37
      const [m, v] = [(1 - beta1) * g, (1 - beta2) * g * g]
      const change = (scalar(optimizer, 'a', 0) * m) / (scalar(optimizer, 'b', 0) * Math.sqrt(v))
      expect(change).toBeCloseTo(-0.01, 12)
    }
  })

  it('adam: a constant gradient keeps corrected moments at g and g², at any step', () => {
    const optimizer = adam({ learningRate: 0.01 })
    let [m, v] = [0, 0]
    for (let step = 0; step < 5000; step++) {
      m = 0.9 * m + (1 - 0.9) * 0.5
      v = 0.999 * v + (1 - 0.999) * 0.25
      const { a, b } = optimizer.stepValues(step) as { a: number; b: number }
      expect((a * m) / (b * Math.sqrt(v))).toBeCloseTo(0.01, 10)
    }
  })

  it('decay is decoupled, and not 0, in adamW only', () => {
    expect([adam().weightDecay, scalar(adam(), 'decoupled', 0)]).toEqual([0, 0])
    expect([adamW().weightDecay, scalar(adamW(), 'decoupled', 0)]).toEqual([0.01, 1])
    expect(sgd({ learningRate: 1, weightDecay: 0.5, maxNorm: 2 })).toMatchObject({ weightDecay: 0.5, maxNorm: 2 })
    expect(sgd({ learningRate: 1 })).toMatchObject({ weightDecay: 0, maxNorm: 0 })
  })

  it('refuses wrong options', () => {
    expect(() => sgd({ lr: 0.1 } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected only the options learningRate, momentum, nesterov, weightDecay, maxNorm, clipNorm, clipValue, groups, got 'lr'. Did you mean learningRate?]`
    )
    expect(() => sgd({} as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: sgd: expected learningRate to be a number or a schedule, got undefined]`
    )
    expect(() => sgd(0.1 as never)).toThrow(TypeError)
    expect(() => sgd({ learningRate: 0.1, momentum: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sgd: expected momentum to be a finite number at least 0 and below 1, got 1]`
    )
    expect(() => sgd({ learningRate: 0.1, nesterov: true })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sgd: expected momentum above 0 with nesterov, got 0. Give a momentum such as 0.9, or leave nesterov out]`
    )
    expect(() => sgd({ learningRate: 0.1, weightDecay: -1 })).toThrow(RangeError)
    expect(() => sgd({ learningRate: 0.1, maxNorm: 0 })).toThrow(RangeError)
    expect(() => adam({ betas: [0.9, 0.99] } as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: adam: expected only the options learningRate, beta1, beta2, epsilon, weightDecay, maxNorm, clipNorm, clipValue, groups, got 'betas'. Give beta1 and beta2]`
    )
    expect(() => adam({ beta2: 1 })).toThrow(RangeError)
    expect(() => adamW({ epsilon: 0 })).toThrow(RangeError)
    expect(() => optimizerFromJSON({ kind: 'lion' })).toThrowErrorMatchingInlineSnapshot(
      `[FileFormatError: optimizerFromJSON: expected 'sgd', 'adam' or 'adamW', got kind 'lion']`
    )
  })

  it('a schedule of a user is checked at each step', () => {
    const optimizer = sgd({ learningRate: { kind: 'own', options: {}, at: (step) => (step < 2 ? 1 : -1) } })
    expect(optimizer.stepValues(1)).toEqual({ learningRate: 1 })
    expect(() => optimizer.stepValues(2)).toThrow(RangeError)
  })
})

describe('what float32 cannot hold', () => {
  it('is refused before it becomes NaN in a step', () => {
    expect(() => adam({ epsilon: 1e-46 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: adam: expected an epsilon that float32 holds, at least 1e-45, got 1e-46]`
    )
    expect(() => sgd({ learningRate: 1e39 }).stepValues(0)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: constantRate.at(0): expected a finite learning rate at least 0, got 1e+39]`
    )
  })
})
