import { describe, expect, it } from 'vitest'
import {
  adam,
  batchNorm,
  type Callback,
  createModel,
  linear,
  meanSquaredError,
  NonFiniteError,
  relu,
  type StepRecord,
  sequential,
  sgd,
  softmaxCrossEntropy
} from '../../lib/index.js'
import { modelBackends, numbersOf, rejection, thrown } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

const rows = 80
const batchSize = 4
const random = testRandom(31)
const clean = { x: random.array(rows * 3), y: random.array(rows) }

/** The data with NaN in one row of each of these batches. */
function spoiled(batches: readonly number[]): { x: Float32Array; y: Float32Array } {
  const x = clean.x.slice()
  for (const batch of batches) x[(batch * batchSize + (batch % batchSize)) * 3 + 1] = batch % 2 ? Number.NaN : Number.POSITIVE_INFINITY
  return { x, y: clean.y }
}

describe.each(modelBackends)("onNonFinite: 'skip' on %s", (backend) => {
  const model = () => createModel(sequential(linear(6), batchNorm(), relu(), linear(1)), { input: [3], seed: 5, backend })
  const trainer = (net: ReturnType<typeof model>) =>
    net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }), onNonFinite: 'skip' })

  it.each([[[0]], [[19]], [[3, 4, 5]], [[0, 7, 13, 19]], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]]])(
    'leaves batches %j out, and everything else is as if they had not been there',
    async (bad) => {
      const data = spoiled(bad)
      const kept = Array.from({ length: rows }, (_, row) => row).filter((row) => !bad.includes(Math.floor(row / batchSize)))
      const without = {
        x: Float32Array.from(kept.flatMap((row) => [...clean.x.subarray(row * 3, row * 3 + 3)])),
        y: Float32Array.from(kept.map((row) => clean.y[row]!))
      }
      const reference = model()
      const { epochs } = await trainer(reference).fit(without, { epochs: 3, batchSize, shuffle: false })
      const shared = new Float32Array(new SharedArrayBuffer(data.x.byteLength))
      shared.set(data.x)
      for (const [x, options] of [
        [data.x, {}],
        [shared, {}],
        [data.x, { everyStep: true }]
      ] as const) {
        const net = model()
        const records: StepRecord[] = []
        const onStep = (record: StepRecord) => void records.push(record)
        const history = await trainer(net).fit({ x, y: data.y }, { epochs: 3, batchSize, shuffle: false, onStep, ...options })
        expect(numbersOf(net)).toEqual(numbersOf(reference))
        expect(history).toMatchObject({ steps: 60, skipped: 3 * bad.length, stopped: false })
        for (const [epoch, record] of history.epochs.entries()) {
          expect(record).toMatchObject({ steps: 20, skipped: bad.length, loss: epochs[epoch]!.loss })
          const told = records.filter((step) => step.epoch === epoch)
          expect(told.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, step) => epoch * 20 + step))
          expect(told.flatMap(({ skipped }, index) => (skipped ? [index] : []))).toEqual(bad)
        }
      }
    }
  )

  it('tells which row of which step it was, in whatever order the rows come', async () => {
    const skipped: NonFiniteError[] = []
    const net = model()
    await trainer(net).fit(spoiled([2]), {
      epochs: 4,
      batchSize,
      onStep: (record) => void (record.skipped && skipped.push(record.skipped))
    })
    expect(skipped).toHaveLength(4)
    for (const error of skipped) {
      expect(error).toBeInstanceOf(NonFiniteError)
      expect(error).toMatchObject({ layer: 'x', code: 'EVENKEEL_NON_FINITE' })
      expect(error.message).toContain(`row ${2 * batchSize + 2}, at step ${error.step}`)
    }
    expect(new Set(skipped.map(({ step }) => step)).size).toBe(4)
  })

  it('uses the number of a skipped step up, in single steps too', async () => {
    const net = model()
    const one = trainer(net)
    const batch = (first: number, data = clean) => ({
      x: data.x.subarray(first * 12, first * 12 + 12),
      y: data.y.subarray(first * 4, first * 4 + 4)
    })
    const before = numbersOf(net)
    expect(await one.step(batch(0, spoiled([0])))).toMatchObject({ loss: Number.NaN, step: 0, skipped: { layer: 'x', step: 0 } })
    expect(one.stepSync(batch(1, spoiled([1])))).toMatchObject({ loss: Number.NaN, step: 1, skipped: { layer: 'x', step: 1 } })
    expect(numbersOf(net)).toEqual(before)
    const third = await one.step(batch(2))
    expect(third.step).toBe(2)
    expect(third).not.toHaveProperty('skipped')
    expect(one.steps).toBe(3)
    expect(numbersOf(net)).not.toEqual(before)
  })

  it('gives up on an epoch in which no step is left', async () => {
    const net = model()
    const before = numbersOf(net)
    const all = Array.from({ length: 20 }, (_, batch) => batch)
    expect(await rejection(trainer(net).fit(spoiled(all), { epochs: 5, batchSize, shuffle: false }))).toMatchObject({
      code: 'EVENKEEL_NON_FINITE',
      step: 19
    })
    expect(numbersOf(net)).toEqual(before)
  })

  it('is stopped and aborted between skipped steps as between others', async () => {
    const stops = trainer(model())
    const stop: Callback = { kind: 'stop', onStep: ({ skipped }) => void (skipped && stops.stop()) }
    expect(await stops.fit(spoiled([3, 5]), { batchSize, shuffle: false, epochs: 9, callbacks: [stop] })).toMatchObject({
      steps: 4,
      skipped: 1,
      stopped: true
    })
    const aborts = trainer(model())
    const controller = new AbortController()
    const onStep = ({ skipped }: StepRecord) => void (skipped && controller.abort(new Error('enough')))
    expect((await rejection(aborts.fit(spoiled([3, 5]), { batchSize, shuffle: false, signal: controller.signal, onStep }))).message).toBe(
      'enough'
    )
    expect(aborts.steps).toBe(4)
    expect((await aborts.fit(clean, { batchSize })).skipped).toBe(0)
  })

  it('leaves other errors alone, and throws unless it is asked to skip', async () => {
    const classes = createModel(linear(3), { input: [3], seed: 1, backend })
    const labels = classes.trainer({ loss: softmaxCrossEntropy(), optimizer: adam(), onNonFinite: 'skip' })
    expect(await rejection(labels.step({ x: [[1, 2, 3]], y: [3] }))).toMatchObject({ code: 'EVENKEEL_LABEL' })
    expect(labels.steps).toBe(0)
    const plain = model().trainer({ loss: meanSquaredError(), optimizer: adam() })
    expect(await rejection(plain.fit(spoiled([3]), { batchSize, shuffle: false }))).toMatchObject({ code: 'EVENKEEL_NON_FINITE', step: 3 })
    expect(plain.steps).toBe(3)
    const history = await plain.fit(clean, { batchSize })
    expect(history).not.toHaveProperty('skipped')
    expect(history.epochs[0]).not.toHaveProperty('skipped')
    expect(
      thrown(() => model().trainer({ loss: meanSquaredError(), optimizer: adam(), onNonFinite: 'ignore' as never })).message
    ).toMatchInlineSnapshot(`"Model.trainer: expected onNonFinite to be 'throw' or 'skip', got 'ignore'"`)
  })
})
