import { describe, expect, it } from 'vitest'
import {
  adam,
  createModel,
  linear,
  meanSquaredError,
  type Optimizer,
  type StepRecord,
  sequential,
  sgd,
  softmaxCrossEntropy
} from '../../lib/index.js'
import { optimizerFromJSON, optimizerJSON } from '../../lib/training/optimizers.js'
import { modelBackends, numbersOf, thrown, toyData, toyModel } from '../helpers/models.js'
import { normReference } from '../reference/clip.js'

describe.each(modelBackends)('clipping on %s', (backend) => {
  /** What one step of plain descent at rate 1 subtracts: the gradient after clipping. */
  const change = async (options: { clipNorm?: number; clipValue?: number }, freeze?: string) => {
    const net = toyModel(backend, { rate: 0 })
    if (freeze) net.freeze(freeze)
    const before = numbersOf(net)
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 1, ...options }) })
    const { gradientNorm } = await trainer.step(toyData(50))
    const names = Object.keys(net.parameters)
    const gradients = names.map((name) => Float64Array.from(before[name]!, (value, i) => value - net.parameters[name]!.data[i]!))
    return { gradientNorm, gradients: Float64Array.from(gradients.flatMap((gradient) => [...gradient])) }
  }
  const norm = (g: Float64Array): number => normReference(g, [[0, g.length]])
  // p − g is rounded at the size of p, about 1; its difference from p is the gradient within half an ulp of that.
  const tolerance = 2 ** -23

  it('scales all gradients by one factor, and tells the norm of before', async () => {
    const free = await change({})
    expect(free.gradientNorm).toBeUndefined()
    const whole = norm(free.gradients)
    for (const clipNorm of [whole * 2, whole / 2, whole / 100]) {
      const { gradientNorm, gradients } = await change({ clipNorm })
      expect(gradientNorm).toBeCloseTo(whole, 5)
      const factor = Math.min(1, clipNorm / whole)
      for (const [i, g] of gradients.entries()) expect(Math.abs(g - free.gradients[i]! * factor)).toBeLessThan(2 * tolerance)
      expect(norm(gradients)).toBeCloseTo(whole * factor, 5)
    }
  })

  it('is the same bits where the norm is within the limit', async () => {
    expect((await change({ clipNorm: 1e3, clipValue: 1e3 })).gradients).toEqual((await change({})).gradients)
  })

  it('cuts values, and takes the norm of what is cut', async () => {
    const free = await change({})
    const clipValue = 0.01
    const cut = free.gradients.map((g) => Math.min(Math.max(g, -clipValue), clipValue))
    const { gradients } = await change({ clipValue })
    for (const [i, g] of gradients.entries()) expect(Math.abs(g - cut[i]!)).toBeLessThan(2 * tolerance)
    expect((await change({ clipValue, clipNorm: 100 })).gradientNorm).toBeCloseTo(norm(cut), 5)
  })

  it('leaves frozen parameters out of the norm, also those that were trained before', async () => {
    const { gradientNorm, gradients } = await change({ clipNorm: 1e3 }, '0.*')
    expect(gradientNorm).toBeCloseTo(norm(gradients), 5)
    const net = createModel(sequential(linear(3), linear(1)), { input: [2], seed: 3, backend })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0, clipNorm: 1 }) })
    const data = {
      x: [
        [1, 2],
        [3, 5]
      ],
      y: [1, -1]
    }
    const all = (await trainer.step(data)).gradientNorm!
    net.freeze('0.*')
    const upper = (await trainer.step(data)).gradientNorm!
    net.unfreeze('*')
    net.freeze('1.*')
    const lower = trainer.stepSync(data).gradientNorm!
    // Three norms, each rounded to float32.
    expect(Math.hypot(upper, lower) / all).toBeCloseTo(1, 6)
    expect(upper).toBeLessThan(all)
  })

  it('is in the records of fit, however many steps share a crossing', async () => {
    const records = async (optimizer: Optimizer, everyStep: boolean) => {
      const seen: StepRecord[] = []
      const trainer = toyModel(backend).trainer({ loss: softmaxCrossEntropy(), optimizer })
      await trainer.fit(toyData(60), { epochs: 3, batchSize: 10, everyStep, onStep: (record) => void seen.push(record) })
      return seen
    }
    const clipped = await records(adam({ clipNorm: 0.5 }), false)
    expect(clipped).toHaveLength(18)
    for (const { loss, gradientNorm } of clipped) expect(gradientNorm).not.toBe(loss)
    expect(clipped.every(({ gradientNorm }) => gradientNorm! > 0)).toBe(true)
    expect(await records(adam({ clipNorm: 0.5 }), true)).toEqual(clipped)
    expect((await records(adam(), false))[0]).not.toHaveProperty('gradientNorm')
  })
})

describe('clipNorm and clipValue', () => {
  it('come back from JSON', () => {
    const optimizer = sgd({ learningRate: 0.1, clipNorm: 1, clipValue: 0.5 })
    expect(optimizerJSON(optimizer)).toMatchObject({ clipNorm: 1, clipValue: 0.5 })
    expect(optimizerFromJSON(JSON.parse(JSON.stringify(optimizerJSON(optimizer))))).toMatchObject({ clipNorm: 1, clipValue: 0.5 })
    expect(optimizerJSON(sgd({ learningRate: 0.1 }))).not.toHaveProperty('clipNorm')
  })

  it('refuse what they cannot use', () => {
    expect(thrown(() => adam({ clipNorm: 0 })).message).toMatchInlineSnapshot(
      `"adam: expected clipNorm to be a finite number above 0, got 0"`
    )
    expect(thrown(() => adam({ clipValue: '1' as never })).message).toMatchInlineSnapshot(
      `"adam: expected clipValue to be a finite number above 0, got '1'"`
    )
    expect(thrown(() => adam({ globalClipnorm: 1 } as never)).message).toMatchInlineSnapshot(
      `"adam: expected only the options learningRate, beta1, beta2, epsilon, weightDecay, maxNorm, clipNorm, clipValue, groups, got 'globalClipnorm'. Use clipNorm, over all gradients"`
    )
  })
})
