import { describe, expect, it } from 'vitest'
import { adam, adamW, cosineDecay, createModel, linear, meanSquaredError, type Optimizer, sgd, warmUp } from '../../lib/index.js'
import { optimizerFromJSON, optimizerJSON } from '../../lib/training/optimizers.js'
import { modelBackends, rejection, thrown, toyModel } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'
import { adamReference, sgdReference } from '../reference/optimizers.js'

const inputs = 5
const units = 3
const rows = 8

interface Setting {
  readonly learningRate: number
  readonly weightDecay: number
  readonly maxNorm?: number
}

/** Mean squared error of x·Wᵀ + b and its gradient, in float64. */
function gradients(weight: Float64Array, bias: Float64Array, x: Float32Array, y: Float32Array) {
  const dWeight = new Float64Array(weight.length)
  const dBias = new Float64Array(bias.length)
  for (let row = 0; row < rows; row++)
    for (let unit = 0; unit < units; unit++) {
      let output = bias[unit]!
      for (let i = 0; i < inputs; i++) output += weight[unit * inputs + i]! * x[row * inputs + i]!
      const error = (2 * (output - y[row * units + unit]!)) / (rows * units)
      dBias[unit]! += error
      for (let i = 0; i < inputs; i++) dWeight[unit * inputs + i]! += error * x[row * inputs + i]!
    }
  return { weight: dWeight, bias: dBias }
}

/** Twenty steps of a linear layer in float64, each parameter with settings of its own. */
function reference(
  start: Record<'weight' | 'bias', Float64Array>,
  data: { x: Float32Array; y: Float32Array },
  kind: Optimizer['kind'],
  settings: (name: 'weight' | 'bias', step: number) => Setting
) {
  const p = { weight: start.weight.slice(), bias: start.bias.slice() }
  const moments = { weight: p.weight.map(() => 0), bias: p.bias.map(() => 0) }
  const seconds = { weight: p.weight.map(() => 0), bias: p.bias.map(() => 0) }
  for (let step = 0; step < 20; step++) {
    const g = gradients(p.weight, p.bias, data.x, data.y)
    for (const name of ['weight', 'bias'] as const) {
      const setting = settings(name, step)
      for (let i = 0; i < p[name].length; i++) {
        const [value, m, v, gradient] = [p[name][i]!, moments[name][i]!, seconds[name][i]!, g[name][i]!]
        if (kind === 'sgd') {
          const next = sgdReference(value, m, gradient, { ...setting, momentum: 0.9, nesterov: false })
          ;[p[name][i], moments[name][i]] = [next.p, next.u]
          continue
        }
        const options = { ...setting, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled: kind === 'adamW' }
        const next = adamReference(value, m, v, gradient, step + 1, options)
        ;[p[name][i], moments[name][i], seconds[name][i]] = [next.p, next.m, next.v]
      }
      if (name === 'weight' && setting.maxNorm) limitRows(p.weight, setting.maxNorm)
    }
  }
  return p
}

function limitRows(weight: Float64Array, limit: number): void {
  for (let unit = 0; unit < units; unit++) {
    const row = weight.subarray(unit * inputs, (unit + 1) * inputs)
    const norm = Math.hypot(...row)
    if (norm > limit) for (let i = 0; i < inputs; i++) row[i]! *= limit / norm
  }
}

const random = testRandom(4)
const data = { x: random.array(rows * inputs), y: random.array(rows * units) }

describe.each(modelBackends)('parameter groups on %s', (backend) => {
  const train = async (optimizer: Optimizer) => {
    const net = createModel(linear(units), { input: [inputs], seed: 2, backend })
    const start = { weight: Float64Array.from(net.parameters.weight!.data), bias: Float64Array.from(net.parameters.bias!.data) }
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer })
    for (let step = 0; step < 20; step++) await trainer.step({ x: data.x, y: { data: data.y, shape: [rows, units] } })
    return { start, weight: net.parameters.weight!.data, bias: net.parameters.bias!.data }
  }

  it.each(['sgd', 'adam', 'adamW'] as const)('%s: each parameter follows its own rate, decay and norm', async (kind) => {
    const schedule = warmUp({ steps: 4, schedule: cosineDecay({ learningRate: 0.05, steps: 30, final: 0.01 }) })
    const groups = [
      { match: 'bias', learningRate: 0.02, weightDecay: 0 },
      { match: ['b*', 'weight'], learningRate: 0.1, weightDecay: 0.2, maxNorm: 0.8 }
    ]
    const options = { learningRate: schedule, weightDecay: 0.5, groups }
    const optimizer = kind === 'sgd' ? sgd({ ...options, momentum: 0.9 }) : kind === 'adam' ? adam(options) : adamW(options)
    const { start, weight, bias } = await train(optimizer)
    const expected = reference(start, data, kind, (name, step) =>
      name === 'bias'
        ? { learningRate: (schedule.at(step) / 0.05) * 0.02, weightDecay: 0 }
        : { learningRate: (schedule.at(step) / 0.05) * 0.1, weightDecay: 0.2, maxNorm: 0.8 }
    )
    // 20 steps, each some roundings of 2⁻²⁴ of values around 1; Adam divides small numbers, which keeps relative errors.
    for (let i = 0; i < weight.length; i++) expect(Math.abs(weight[i]! - expected.weight[i]!)).toBeLessThan(1e-5)
    for (let i = 0; i < bias.length; i++) expect(Math.abs(bias[i]! - expected.bias[i]!)).toBeLessThan(1e-5)
    const norms = Array.from({ length: units }, (_, unit) => Math.hypot(...weight.subarray(unit * inputs, (unit + 1) * inputs)))
    for (const norm of norms) expect(norm).toBeLessThan(0.8 * (1 + 1e-6))
  })

  it('a group that says what the optimizer says changes no bit, and null lifts a maxNorm', async () => {
    const plain = await train(sgd({ learningRate: 0.25, momentum: 0.9, weightDecay: 0.01 }))
    const grouped = await train(
      sgd({
        learningRate: 0.5,
        momentum: 0.9,
        maxNorm: 0.01,
        groups: [{ match: '*', learningRate: 0.25, weightDecay: 0.01, maxNorm: null }]
      })
    )
    expect(grouped).toEqual(plain)
  })

  it('a rate of 0 leaves the parameters, and 0 for all of them the model', async () => {
    const { start, weight, bias } = await train(adam({ learningRate: 0.1, groups: [{ match: 'weight', learningRate: 0 }] }))
    expect([...weight]).toEqual([...start.weight])
    expect([...bias]).not.toEqual([...start.bias])
  })

  it('refuses a pattern that matches nothing before anything runs', () => {
    const net = toyModel(backend)
    const trainer = (match: string | string[]) =>
      thrown(() => net.trainer({ loss: meanSquaredError(), optimizer: adam({ groups: [{ match: '0.v' }, { match }] }) }))
    expect(trainer('hidden.*').message).toMatchInlineSnapshot(
      `"adam, groups[1].match: expected a pattern that matches a parameter, got 'hidden.*'. They are 0.v, 0.g, 0.bias, 1.gamma, 1.beta, 4.weight, 4.bias"`
    )
    expect(trainer(['0.g', '1']).message).toMatchInlineSnapshot(
      `"adam, groups[1].match: expected a pattern that matches a parameter, got '1'. Did you mean '1.*'?"`
    )
  })
})

describe('groups', () => {
  it('come back from JSON', () => {
    const optimizer = adamW({
      learningRate: cosineDecay({ learningRate: 0.4, steps: 9 }),
      groups: [
        { match: '*.bias', weightDecay: 0, maxNorm: null },
        { match: ['a', 'b'], learningRate: 0.1, maxNorm: 2 }
      ]
    })
    const again = optimizerFromJSON(JSON.parse(JSON.stringify(optimizerJSON(optimizer))))
    expect(optimizerJSON(again)).toEqual(optimizerJSON(optimizer))
    expect(again.groups).toEqual(optimizer.groups)
    expect(optimizer.groups).toEqual([
      { match: ['*.bias'], weightDecay: 0, maxNorm: 0 },
      { match: ['a', 'b'], learningRate: 0.1, rateFactor: 0.25, maxNorm: 2 }
    ])
  })

  it('refuse what they cannot use, in words', () => {
    const message = (groups: unknown, learningRate: never = 0.1 as never) =>
      thrown(() => sgd({ learningRate, groups: groups as never })).message
    expect(message({ match: '*' })).toMatchInlineSnapshot(
      `"sgd: expected groups to be an array, got an object. Such as [{ match: '*.bias', weightDecay: 0 }]"`
    )
    expect(message([{}])).toMatchInlineSnapshot(
      `"sgd, groups[0]: expected match to be a pattern, got undefined. Such as '0.*' or '*.gamma'"`
    )
    expect(message([{ match: [] }])).toMatchInlineSnapshot(`"sgd, groups[0]: expected match to have at least one pattern, got []"`)
    expect(message([{ match: '*', momentum: 0.5 }])).toMatchInlineSnapshot(
      `"sgd, groups[0]: expected only the options match, learningRate, weightDecay, maxNorm, got 'momentum'. Momentum is the same for all parameters"`
    )
    expect(message([{ match: '*', learningRate: cosineDecay({ learningRate: 0.1, steps: 3 }) }])).toMatchInlineSnapshot(
      `"sgd, groups[0]: expected learningRate to be a number, got an object. A group follows the optimizer's schedule"`
    )
    expect(message([{ match: '*', learningRate: -1 }])).toMatchInlineSnapshot(
      `"sgd, groups[0]: expected learningRate to be a finite number at least 0, got -1"`
    )
    expect(message([{ match: '*', maxNorm: 0 }])).toMatchInlineSnapshot(
      `"sgd, groups[0]: expected maxNorm to be a finite number above 0, got 0"`
    )
    expect(message([{ match: '*', learningRate: 1 }], 0 as never)).toMatchInlineSnapshot(
      `"sgd, groups[0]: expected a schedule whose own learningRate is above 0, to put the rate of a group in its place, got 0"`
    )
  })
})

describe.each(modelBackends)('frozen parameters on %s', (backend) => {
  it('do not refuse a step for what their gradients were before', async () => {
    const net = createModel(linear(1), { input: [1], seed: 1, backend })
    const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 0 }) })
    net.parameters.weight!.data[0] = 1
    net.parameters.bias!.data[0] = 0
    // An error of 1.8e19 has a square that float32 holds; twice it times x is beyond.
    const refused = await rejection(trainer.step({ x: [[1.8e19]], y: [0] }))
    expect(refused).toMatchObject({ code: 'EVENKEEL_NON_FINITE', layer: 'weight' })
    net.freeze('weight')
    expect((await trainer.step({ x: [[1], [2]], y: [0, 0] })).step).toBe(0)
  })

  it('freeze and unfreeze take several patterns', async () => {
    const net = toyModel(backend)
    const before = { ...net.parameters }
    net.freeze(['*.bias', '1.*', '0.g'])
    expect(net.summary()).toContain('frozen')
    net.unfreeze(['1.*', '*'])
    expect(net.summary()).not.toContain('frozen')
    expect(thrown(() => net.freeze(['0.v', 'nothing'])).message).toContain(`'nothing'`)
    expect(net.summary()).not.toContain('frozen')
    expect(net.parameters).toEqual(before)
  })
})
