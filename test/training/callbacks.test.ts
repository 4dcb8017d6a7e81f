import { describe, expect, it } from 'vitest'
import {
  adam,
  type Callback,
  createModel,
  type EpochRecord,
  earlyStopping,
  type FitControl,
  type JsonValue,
  linear,
  meanSquaredError,
  reduceOnPlateau,
  sgd,
  softmaxCrossEntropy,
  stepDecay,
  type Trainer,
  type Weights
} from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, thrown, toyData, toyModel, toyTrainer } from '../helpers/models.js'

interface Drive {
  readonly key?: string
  readonly rate?: number
  /** Epochs that an earlier fit did, and what its callback remembered. */
  readonly resumed?: { readonly epochs: number; readonly state: JsonValue; readonly tensors: Weights; readonly factor: number }
  /** Ends the fit as a crash would: nothing is told. */
  readonly until?: number
}

/** Runs a callback over epochs that had these values, without a model: what it asks of the fit is written down. */
async function drive(
  callback: Callback,
  values: readonly number[],
  { key = 'loss', rate = 1, resumed, until = values.length }: Drive = {}
) {
  const trainer = { learningRateFactor: resumed?.factor ?? 1 } as { learningRateFactor: number; readonly learningRate: number }
  Object.defineProperty(trainer, 'learningRate', { get: () => rate * trainer.learningRateFactor })
  const seen = { epochs: resumed?.epochs ?? 0, stopped: false, copies: [] as number[], restored: undefined as number | undefined }
  const rates: number[] = []
  const fit: FitControl = {
    trainer: trainer as unknown as Trainer,
    epochs: values.length,
    validates: true,
    stop: () => void (seen.stopped = true),
    copyWeights: async () => {
      seen.copies.push(seen.epochs)
      return { p: { data: Float32Array.of(seen.epochs), shape: [1] } }
    },
    restoreWeights: async ({ p }) => void (seen.restored = p!.data[0])
  }
  await callback.onFitStart?.(fit)
  if (resumed) callback.restore?.(resumed.state, resumed.tensors)
  while (seen.epochs < until && !seen.stopped) {
    const record = { epoch: seen.epochs, steps: 1, loss: 1, learningRate: rate, seconds: 1, samplesPerSecond: 1 }
    await callback.onEpoch?.({ ...record, [key]: values[seen.epochs] } as EpochRecord, fit)
    rates.push(trainer.learningRate)
    seen.epochs++
  }
  if (until === values.length) await callback.onFitEnd?.({ epochs: [], steps: 0, stopped: seen.stopped }, fit)
  return { ...seen, rates, factor: trainer.learningRateFactor }
}

/** The same, killed after `cut` epochs and taken up by a new callback. */
async function driveInTwo(make: () => Callback, values: readonly number[], cut: number) {
  const first = make()
  const { epochs, factor, rates } = await drive(first, values, { until: cut })
  const state = JSON.parse(JSON.stringify(first.state!()))
  const rest = await drive(make(), values, { resumed: { epochs, state, tensors: first.tensors?.() ?? {}, factor } })
  return { ...rest, rates: [...rates, ...rest.rates] }
}

describe('earlyStopping', () => {
  const stopsAfter = async (options: Parameters<typeof earlyStopping>[0], values: number[], key?: string) =>
    (await drive(earlyStopping({ monitor: 'loss', ...options }), values, key === undefined ? {} : { key })).epochs

  it('waits for patience epochs without improvement, and 0 and 1 wait for one', async () => {
    const values = [5, 4, 4, 4.5, 3, 3, 3, 3, 3]
    expect(await stopsAfter({}, values)).toBe(3)
    expect(await stopsAfter({ patience: 1 }, values)).toBe(3)
    expect(await stopsAfter({ patience: 2 }, values)).toBe(4)
    expect(await stopsAfter({ patience: 3 }, values)).toBe(8)
    expect(await stopsAfter({ patience: 9 }, values)).toBe(9)
  })

  it('takes an improvement only where it is more than minDelta', async () => {
    expect(await stopsAfter({ minDelta: 0.5, patience: 2 }, [5, 4.5, 4.4, 4.3, 4.2])).toBe(5)
    expect(await stopsAfter({ minDelta: 0.5, patience: 2 }, [5, 4.6, 4.5, 1])).toBe(3)
  })

  it('knows by the name what is better, or is told', async () => {
    const rising = [1, 2, 3, 4]
    expect(await stopsAfter({ monitor: 'validationAccuracy' }, rising, 'validationAccuracy')).toBe(4)
    expect(await stopsAfter({ monitor: 'validationLoss' }, rising, 'validationLoss')).toBe(2)
    expect(await stopsAfter({ monitor: 'validationGain', mode: 'max' }, rising, 'validationGain')).toBe(4)
    expect(await stopsAfter({ mode: 'max' }, rising)).toBe(4)
    expect(thrown(() => earlyStopping({ monitor: 'validationGain' })).message).toMatchInlineSnapshot(
      `"earlyStopping: expected mode 'min' or 'max' for monitor 'validationGain', whose name does not say which is better, got 'auto'"`
    )
  })

  it('takes NaN and infinities as no improvement, even in the first epoch', async () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: less } = Number
    expect(await stopsAfter({ patience: 2 }, [nan, nan, nan])).toBe(2)
    expect(await stopsAfter({}, [nan, 1, 0.5, nan])).toBe(4)
    expect(await stopsAfter({ patience: 2 }, [1, infinity, less, 0])).toBe(3)
  })

  it('restores the best epoch, whether it stopped or not', async () => {
    const stopped = await drive(earlyStopping({ monitor: 'loss', restoreBest: true, patience: 2 }), [3, 1, 2, 2, 9])
    expect(stopped).toMatchObject({ epochs: 4, copies: [0, 1], restored: 1 })
    const through = await drive(earlyStopping({ monitor: 'loss', restoreBest: true, patience: 9 }), [3, 1, 2])
    expect(through).toMatchObject({ epochs: 3, stopped: false, restored: 1 })
    expect(await drive(earlyStopping({ monitor: 'loss', patience: 9 }), [3, 1, 2])).toMatchObject({ copies: [], restored: undefined })
  })

  it('goes on from its state as if it had never stopped', async () => {
    const make = () => earlyStopping({ monitor: 'loss', patience: 3, restoreBest: true })
    const values = [5, 4, 4.5, 4.5, 4.5, 4.5, 4.5]
    const { epochs, stopped, restored } = await drive(make(), values)
    expect([epochs, stopped, restored]).toEqual([5, true, 1])
    // The last cut is after it had decided to stop.
    for (let cut = 1; cut <= 5; cut++)
      expect(await driveInTwo(make, values, cut), `cut at ${cut}`).toMatchObject({ epochs, stopped, restored })
  })

  it('refuses wrong options', () => {
    expect(thrown(() => earlyStopping({ patience: -1 })).message).toMatchInlineSnapshot(
      `"earlyStopping: expected patience to be an integer at least 0, got -1"`
    )
    expect(thrown(() => earlyStopping({ patiense: 3 } as never)).message).toMatchInlineSnapshot(
      `"earlyStopping: expected only the options monitor, mode, minDelta, patience, restoreBest, got 'patiense'. Did you mean patience?"`
    )
    expect(thrown(() => earlyStopping({ min_delta: 3 } as never)).message).toMatchInlineSnapshot(
      `"earlyStopping: expected only the options monitor, mode, minDelta, patience, restoreBest, got 'min_delta'. Use minDelta"`
    )
    expect(thrown(() => earlyStopping({ mode: 'maximum' as never })).message).toMatchInlineSnapshot(
      `"earlyStopping: expected mode to be 'auto' or 'min' or 'max', got 'maximum'"`
    )
    expect(thrown(() => earlyStopping({ monitor: 3 as never })).message).toMatchInlineSnapshot(
      `"earlyStopping: expected monitor to be a name such as 'validationLoss', got 3"`
    )
  })
})

describe('reduceOnPlateau', () => {
  const rates = async (options: Parameters<typeof reduceOnPlateau>[0], values: number[]) =>
    (await drive(reduceOnPlateau({ monitor: 'loss', factor: 0.5, ...options }), values)).rates

  it('reduces after patience epochs without improvement, and again after as many', async () => {
    expect(await rates({ patience: 2 }, [5, 5, 5, 5, 5, 4, 4, 4])).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125])
    expect(await rates({ patience: 1 }, [5, 5, 4, 4, Number.NaN])).toEqual([1, 0.5, 0.5, 0.25, 0.125])
    expect(await rates({ patience: 0 }, [5, 5, 4, 4])).toEqual([1, 0.5, 0.5, 0.25])
  })

  it('does not count during the cooldown', async () => {
    // Cooldown c: the c − 1 epochs after the reduction do not count, the c-th does, as in Keras.
    expect(await rates({ patience: 1, cooldown: 3 }, [5, 5, 5, 5, 5, 5])).toEqual([1, 0.5, 0.5, 0.5, 0.25, 0.25])
    expect(await rates({ patience: 1, cooldown: 1 }, [5, 5, 5, 5])).toEqual([1, 0.5, 0.25, 0.125])
  })

  it('stops at minLearningRate', async () => {
    expect(await rates({ patience: 1, minLearningRate: 0.3 }, [5, 5, 5, 5, 5])).toEqual([1, 0.5, 0.3, 0.3, 0.3])
    expect(await rates({ patience: 1, minLearningRate: 2 }, [5, 5, 5])).toEqual([1, 1, 1])
  })

  it('asks for an improvement of more than 1e-4 unless told otherwise', async () => {
    expect(await rates({ patience: 1 }, [5, 4.99995, 4.9999, 4.5])).toEqual([1, 0.5, 0.25, 0.25])
    expect(await rates({ patience: 1, minDelta: 0 }, [5, 4.99995, 4.9999, 4.5])).toEqual([1, 1, 1, 1])
  })

  it('goes on from its state as if it had never stopped', async () => {
    const make = () => reduceOnPlateau({ monitor: 'loss', factor: 0.5, patience: 2, cooldown: 2 })
    const values = [5, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3]
    const whole = await drive(make(), values)
    expect(new Set(whole.rates)).toEqual(new Set([1, 0.5, 0.25, 0.125]))
    for (let cut = 1; cut < values.length; cut++) expect((await driveInTwo(make, values, cut)).rates, `cut at ${cut}`).toEqual(whole.rates)
  })

  it('refuses wrong options', () => {
    expect(thrown(() => reduceOnPlateau({ factor: 1 })).message).toMatchInlineSnapshot(
      `"reduceOnPlateau: expected factor to be a finite number above 0 and below 1, got 1"`
    )
    expect(thrown(() => reduceOnPlateau({ min_lr: 1 } as never)).message).toMatchInlineSnapshot(
      `"reduceOnPlateau: expected only the options monitor, mode, minDelta, factor, patience, minLearningRate, cooldown, got 'min_lr'. Use minLearningRate"`
    )
    expect(thrown(() => reduceOnPlateau({ cooldown: 0.5 })).message).toMatchInlineSnapshot(
      `"reduceOnPlateau: expected cooldown to be an integer at least 0, got 0.5"`
    )
  })
})

describe.each(modelBackends)('callbacks of fit on %s', (backend) => {
  it('are called in order, awaited, and see what the fit tells', async () => {
    const trainer = toyTrainer(toyModel(backend))
    const calls: string[] = []
    const listener = (name: string): Callback => ({
      kind: name,
      onFitStart: async (fit) => {
        await null
        expect(fit).toMatchObject({ trainer, epochs: 2, validates: true })
        calls.push(`${name} start`)
      },
      onStep: ({ step }) => void calls.push(`${name} step ${step}`),
      onEpoch: async ({ epoch }) => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        calls.push(`${name} epoch ${epoch}`)
      },
      afterEpoch: ({ epoch }) => void calls.push(`${name} after ${epoch}`),
      onFitEnd: ({ epochs }) => void calls.push(`${name} end ${epochs.length}`)
    })
    await trainer.fit(toyData(40), {
      epochs: 2,
      batchSize: 20,
      validation: toyData(10),
      callbacks: [listener('a'), listener('b')],
      onStep: ({ step }) => void calls.push(`own step ${step}`),
      onEpoch: ({ epoch }) => void calls.push(`own epoch ${epoch}`)
    })
    const steps = (...numbers: number[]) => numbers.flatMap((step) => [`a step ${step}`, `b step ${step}`, `own step ${step}`])
    const epoch = (n: number) => [`a epoch ${n}`, `b epoch ${n}`, `own epoch ${n}`, `a after ${n}`, `b after ${n}`]
    expect(calls).toEqual(['a start', 'b start', ...steps(0, 1), ...epoch(0), ...steps(2, 3), ...epoch(1), 'a end 2', 'b end 2'])
  })

  it('reject the fit with what they throw, and leave the trainer usable', async () => {
    for (const hook of ['onFitStart', 'onStep', 'onEpoch', 'afterEpoch', 'onFitEnd'] as const) {
      const trainer = toyTrainer(toyModel(backend))
      const failing: Callback = {
        kind: 'failing',
        [hook]: () => {
          throw new Error(hook)
        }
      }
      expect((await rejection(trainer.fit(toyData(), { callbacks: [failing] }))).message).toBe(hook)
      expect((await trainer.fit(toyData(), { callbacks: [{ kind: 'quiet' }] })).epochs).toHaveLength(1)
    }
  })

  it('earlyStopping stops the fit and gives the best epoch back, statistics included', async () => {
    const net = toyModel(backend)
    const kept: ReturnType<typeof numbersOf>[] = []
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: adam({ learningRate: 0.05 }) })
    const history = await trainer.fit(toyData(60), {
      epochs: 60,
      validation: toyData(40, 9),
      onEpoch: () => void kept.push(numbersOf(net)),
      callbacks: [earlyStopping({ patience: 3, restoreBest: true })]
    })
    const losses = history.epochs.map(({ validationLoss }) => validationLoss!)
    const best = losses.indexOf(Math.min(...losses))
    expect(history.stopped).toBe(true)
    expect(losses).toHaveLength(best + 4)
    expect(numbersOf(net)).toEqual(kept[best])
    expect(numbersOf(net)).not.toEqual(kept.at(-1))
    expect(Object.keys(kept[best]!)).toContain('1.runningMean')
  })

  it('a predictor made before the best epoch is restored keeps what it was made from', async () => {
    const net = toyModel(backend)
    const { x } = toyData(5)
    let predictor: ReturnType<typeof net.predictor> | undefined
    let expected: Float32Array | undefined
    await toyTrainer(net, 0.5).fit(toyData(), {
      epochs: 3,
      callbacks: [
        earlyStopping({ monitor: 'loss', mode: 'max', restoreBest: true, patience: 5 }),
        {
          kind: 'serve',
          onEpoch: async ({ epoch }) => {
            if (epoch !== 2) return
            expected = (await net.predict(x)).data as Float32Array
            predictor = net.predictor()
          }
        }
      ]
    })
    expect([...(await predictor!.predict(x)).data]).toEqual([...expected!])
    expect([...(await net.predict(x)).data]).not.toEqual([...expected!])
  })

  it('reduceOnPlateau scales what the schedule says, from the next epoch on and in later fits', async () => {
    const trainer = toyModel(backend).trainer({
      loss: softmaxCrossEntropy(),
      optimizer: adam({ learningRate: stepDecay({ learningRate: 1e-3, every: 6 }) })
    })
    const rates: number[] = []
    const never = reduceOnPlateau({ monitor: 'loss', factor: 0.5, patience: 1, minDelta: 1e9 })
    const { epochs } = await trainer.fit(toyData(40), {
      epochs: 4,
      batchSize: 20,
      callbacks: [never],
      onStep: ({ learningRate }) => void rates.push(learningRate)
    })
    const expected = [1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 2.5e-5, 2.5e-5]
    for (const [step, rate] of rates.entries()) expect(rate).toBeCloseTo(expected[step]!, 15)
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([rates[1], rates[3], rates[5], rates[7]])
    expect(trainer.learningRateFactor).toBe(0.125)
    expect(trainer.learningRate).toBeCloseTo(1.25e-5, 15)
  })

  it('a factor is as good as a rate: equal bits for a power of two', async () => {
    const numbers = async (rate: number, factor: number) => {
      const net = createModel(linear(1), { input: [2], seed: 3, backend })
      const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: rate, momentum: 0.9 }) })
      trainer.learningRateFactor = factor
      await trainer.fit(
        {
          x: [
            [1, 2],
            [3, 4]
          ],
          y: [1, 2]
        },
        { epochs: 5 }
      )
      return numbersOf(net)
    }
    expect(await numbers(0.08, 0.25)).toEqual(await numbers(0.02, 1))
    expect(await numbers(0.08, 0.25)).not.toEqual(await numbers(0.08, 1))
  })

  it('refuse what they cannot work with, in words', async () => {
    const trainer = toyTrainer(toyModel(backend))
    const message = async (options: object) => (await rejection(trainer.fit(toyData(), options))).message
    expect(await message({ callbacks: [earlyStopping()] })).toMatchInlineSnapshot(
      `"earlyStopping: expected a fit with validation for monitor 'validationLoss', got one without. Give fit a validation set, or use monitor: 'loss'"`
    )
    expect(
      await message({ callbacks: [earlyStopping({ monitor: 'validationAcuracy', mode: 'max' })], validation: 0.1 })
    ).toMatchInlineSnapshot(
      `"earlyStopping: expected monitor to be one of 'loss', 'validationLoss', 'validationAccuracy', got 'validationAcuracy'. Did you mean 'validationAccuracy'?"`
    )
    expect(await message({ callbacks: earlyStopping() })).toMatchInlineSnapshot(
      `"Trainer.fit: expected callbacks to be an array, got an EarlyStopping. Such as [earlyStopping()]"`
    )
    expect(await message({ callbacks: [earlyStopping] })).toMatchInlineSnapshot(
      `"Trainer.fit: expected callbacks[0] to be a callback, an object with a kind, got function earlyStopping. Call it: earlyStopping(), not earlyStopping"`
    )
    expect(await message({ callbacks: [{ kind: 'mine', onEpoch: 3 }] })).toMatchInlineSnapshot(
      `"Trainer.fit: expected callbacks[0].onEpoch to be a function, got 3"`
    )
    const one = reduceOnPlateau({ monitor: 'loss' })
    expect(await message({ callbacks: [one, one] })).toMatchInlineSnapshot(
      `"Trainer.fit: expected callbacks of its own, got reduceOnPlateau twice at the same time. Make one for each fit"`
    )
    const other = toyTrainer(toyModel(backend))
    const [first, second] = await Promise.allSettled([
      trainer.fit(toyData(), { callbacks: [one] }),
      other.fit(toyData(), { callbacks: [one] })
    ])
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected'])
    expect(() => (trainer.learningRateFactor = -1)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: Trainer: expected learningRateFactor to be a finite number at least 0, got -1]`
    )
    expect(() => (trainer.learningRateFactor = '1' as never)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: Trainer.learningRateFactor: expected a finite number at least 0, got '1']`
    )
  })
})
