import { describe, expect, it } from 'vitest'
import { adam, type FitOptions, type StepRecord, softmaxCrossEntropy } from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, toyData, toyModel } from '../helpers/models.js'

describe.each(modelBackends)('accumulate on %s', (backend) => {
  const train = async (options: FitOptions) => {
    const net = toyModel(backend, { rate: 0.3 })
    const steps: StepRecord[] = []
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: adam({ learningRate: 0.01, clipNorm: 1 }) })
    const { epochs } = await trainer.fit(toyData(203), { epochs: 3, onStep: (record) => void steps.push(record), ...options })
    return { steps, numbers: numbersOf(net), losses: epochs.map(({ loss }) => loss) }
  }

  it('is the step of the large batch, bit for bit where there is batch normalization', async () => {
    for (const lastBatch of ['balance', 'keep', 'drop'] as const)
      expect(await train({ batchSize: 8, accumulate: 5, lastBatch })).toEqual(await train({ batchSize: 40, lastBatch }))
    const { steps } = await train({ batchSize: 8, accumulate: 5, lastBatch: 'keep' })
    expect(steps.slice(0, 6).map(({ rows }) => rows)).toEqual([40, 40, 40, 40, 40, 3])
  })

  it('refuses what it cannot use', async () => {
    const trainer = toyModel(backend).trainer({ loss: softmaxCrossEntropy(), optimizer: adam() })
    const message = async (options: object) => (await rejection(trainer.fit(toyData(), options))).message
    expect(await message({ accumulate: 0 })).toMatchInlineSnapshot(
      `"Trainer.fit: expected accumulate to be an integer at least 1 and at most 1048576, got 0"`
    )
    expect(await message({ accumulate: 1.5 })).toMatchInlineSnapshot(
      `"Trainer.fit: expected accumulate to be an integer at least 1 and at most 1048576, got 1.5"`
    )
    expect(await message({ accumulateGradBatches: 2 })).toMatchInlineSnapshot(
      `"Trainer.fit: expected only the options epochs, batchSize, accumulate, shuffle, lastBatch, validation, metrics, signal, onEpoch, onStep, everyStep, callbacks, resume, got 'accumulateGradBatches'. Use accumulate"`
    )
    expect(await message({ batchSize: 100, accumulate: 3, lastBatch: 'drop' })).toMatchInlineSnapshot(
      `"Trainer.fit: expected at least batchSize · accumulate = 300 rows with lastBatch 'drop', got 200"`
    )
  })
})
