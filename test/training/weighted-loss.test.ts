import { describe, expect, it } from 'vitest'
import { createModel, type Loss, linear, meanSquaredError, sgd } from '../../lib/index.js'
import * as ops from '../../lib/ops/index.js'
import { modelBackends, rejection } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'
import { weightedMeanReference } from '../reference/weighted-mean.js'

/** Output and target [batch, 2]: the squared error of the first column, weighted by the target's second. */
const weighted: Loss = {
  kind: 'weighted',
  options: {},
  target: 'values',
  apply(output, target) {
    const column = (value: ops.Value, index: number) => ops.slice(value, [0, index], [value.shape[0]!, 1])
    return {
      loss: ops.squaredError(column(output, 0), column(target, 0)),
      weight: ops.reshape(column(target, 1), [target.shape[0]!])
    }
  }
}

const rows = 103

function data(weightOf: (row: number) => number) {
  const random = testRandom(141)
  const x = random.array(rows * 3)
  const y = Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? random.normal() : weightOf(i >> 1)))
  return { x, y }
}

describe.each(modelBackends)('a loss with weights on %s', (backend) => {
  const model = () => createModel(linear(2), { input: [3], seed: 3, backend })

  it('is Σ w·l / Σ w over all rows, for batches of any sizes, in fit as in evaluate', async () => {
    const net = model()
    const { x, y } = data((row) => (row % 4 === 0 ? 0 : row / 10))
    const predicted = (await net.predict(x)).data
    const losses = Float64Array.from({ length: rows }, (_, row) => (predicted[2 * row]! - y[2 * row]!) ** 2)
    const weights = Float64Array.from({ length: rows }, (_, row) => y[2 * row + 1]!)
    const { mean } = weightedMeanReference(losses, weights)
    for (const batchSize of [1, 7, 64, 1000]) {
      const { loss } = await net.evaluate({ x, y }, { loss: weighted, batchSize })
      expect(Math.abs(loss! - mean)).toBeLessThan(1e-6 * mean)
      // Rate 0: every step sees the same parameters.
      const trainer = net.trainer({ loss: weighted, optimizer: sgd({ learningRate: 0 }) })
      const { epochs } = await trainer.fit({ x, y }, { epochs: 2, batchSize, validation: { x, y } })
      for (const epoch of epochs) {
        expect(Math.abs(epoch.loss - mean)).toBeLessThan(1e-6 * mean)
        expect(epoch.validationLoss).toBe((await net.evaluate({ x, y }, { loss: weighted })).loss)
      }
    }
    expect(
      (
        await model()
          .trainer({ loss: weighted, optimizer: sgd({ learningRate: 0.1 }) })
          .step({ x, y })
      ).loss
    ).toBeCloseTo(mean, 4)
  })

  it('with weights of 1 trains to the same bits as without; a row of weight 0 teaches nothing', async () => {
    const train = async (loss: Loss, { x, y }: { x: Float32Array; y: Float32Array }) => {
      const net = model()
      const trainer = net.trainer({ loss, optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) })
      for (let step = 0; step < 5; step++) await trainer.step({ x, y })
      return [...net.parameters.weight!.data]
    }
    const plain: Loss = {
      ...weighted,
      kind: 'plain',
      apply: (output, target) => (weighted.apply(output, target) as { loss: ops.Value }).loss
    }
    const ones = data(() => 1)
    expect(await train(weighted, ones)).toEqual(await train(plain, ones))
    const half = data((row) => (row < 50 ? 2 : 0))
    const first = { x: half.x.slice(0, 50 * 3), y: half.y.slice(0, 50 * 2) }
    const [all, some] = [await train(weighted, half), await train(plain, first)]
    for (const [i, value] of all.entries()) expect(Math.abs(value - some[i]!)).toBeLessThan(1e-6)
  })

  it('is 0 with zero gradients where all weights are 0', async () => {
    const net = model()
    const before = [...net.parameters.weight!.data]
    const trainer = net.trainer({ loss: weighted, optimizer: sgd({ learningRate: 0.5 }) })
    const { x, y } = data(() => 0)
    expect(await trainer.step({ x, y })).toEqual({ loss: 0, step: 0 })
    expect(trainer.stepSync({ x, y }).loss).toBe(0)
    expect((await trainer.fit({ x, y }, { batchSize: 20 })).epochs[0]!.loss).toBe(0)
    expect(await net.evaluate({ x, y }, { loss: weighted })).toEqual({ loss: 0 })
    expect([...net.parameters.weight!.data]).toEqual(before)
  })

  it('has one value and one weight a row', async () => {
    const { x, y } = data(() => 1)
    const wide: Loss = { ...weighted, kind: 'wide', apply: (output) => output }
    const heavy: Loss = {
      ...weighted,
      kind: 'heavy',
      apply: (output, target) => ({ loss: ops.squaredError(output, target), weight: output })
    }
    const trainer = (loss: Loss) => model().trainer({ loss, optimizer: sgd({ learningRate: 0.1 }) })
    expect((await rejection(trainer(wide).step({ x, y }))).message).toMatchInlineSnapshot(
      `"wide in layer 'loss': expected one value a row, of shape [batch], got [batch, 2]"`
    )
    expect((await rejection(trainer(heavy).fit({ x, y }))).message).toMatchInlineSnapshot(
      `"heavy in layer 'loss': expected one weight a row, of shape [batch], got [batch, 2]"`
    )
    expect((await rejection(model().evaluate({ x, y }, { loss: wide }))).message).toMatchInlineSnapshot(
      `"wide in layer 'loss': expected one value a row, of shape [batch], got [batch, 2]"`
    )
    expect((await model().evaluate({ x, y }, { loss: meanSquaredError() })).loss).toBeGreaterThan(0)
  })
})
