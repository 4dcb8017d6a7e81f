import { describe, expect, it } from 'vitest'
import { Status } from '../../lib/kernels/types.js'
import { relu } from '../../lib/layers/activations.js'
import { batchNorm } from '../../lib/layers/batch-norm.js'
import { dropout } from '../../lib/layers/dropout.js'
import type { Layer } from '../../lib/layers/layer.js'
import { linear } from '../../lib/layers/linear.js'
import { sequential } from '../../lib/layers/sequential.js'
import { weightNorm } from '../../lib/layers/weight-norm.js'
import {
  describeFailure,
  describeModel,
  evaluationProgram,
  foldedProgram,
  inferenceProgram,
  trainingProgram
} from '../../lib/programs/index.js'
import type { ModelDescription } from '../../lib/programs/types.js'
import type { Runtime } from '../../lib/runtime/runtime.js'
import { softmaxCrossEntropy } from '../../lib/training/losses.js'
import { sgd } from '../../lib/training/optimizers.js'
import { ProgramRunner } from '../helpers/program-runner.js'
import { testRandom } from '../helpers/random.js'
import { runtimes } from '../helpers/runtimes.js'
import { centralDifference, type Matrix, type ReferenceLayer, referenceCrossEntropy, referenceForward } from '../reference/network.js'

const batch = 13
const inputs = 6
const classes = 3
const key = [11, 22] as const

const plain = (rate: number): Layer =>
  sequential(linear(9), batchNorm(), relu(), dropout(rate), linear(7), batchNorm(), relu(), linear(classes))
const normed = (rate: number): Layer =>
  sequential(weightNorm(linear(9)), batchNorm(), relu(), dropout(rate), weightNorm(linear(7)), relu(), weightNorm(linear(classes)))

function numbers(description: ModelDescription, seed = 3): Float32Array {
  const random = testRandom(seed)
  const flat = new Float32Array(description.parameterElements)
  for (const { name, offset, length } of description.parameters) {
    const positive = name.endsWith('.gamma') || name.endsWith('.g')
    for (let i = 0; i < length; i++) flat[offset + i] = positive ? 0.5 + random.uniform() : random.normal() * 0.7
  }
  return flat
}

function data(seed = 5): { x: Float32Array; y: Int32Array } {
  const random = testRandom(seed)
  return { x: random.array(batch * inputs), y: Int32Array.from({ length: batch }, () => random.integer(classes)) }
}

/** A runner whose parameters are `numbers`, and whose learning rate of 0 leaves them. */
function trainer(runtime: Runtime, root: Layer, options: { fuse?: boolean; threads?: number } = {}) {
  const description = describeModel(root, [inputs])
  const settings = { loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), maxBatch: 16, key }
  const training = trainingProgram(description, { ...settings, ...(options.fuse === undefined ? {} : { fuse: options.fuse }) })
  const runner = new ProgramRunner(runtime, training.program, {}, options.threads)
  runner.floats('parameters').set(numbers(description))
  new Float64Array(runner.memory.segments!).set(training.segments)
  for (const { offset, length, initial, dtype } of description.buffers)
    if (dtype === 'float32') new Float32Array(runner.memory.buffers!, offset, length).fill(initial)
  return { description, runner, program: training.program }
}

/** The network as the float64 oracle knows it, over copies of the same numbers. */
function oracle(
  description: ModelDescription,
  factors: Float64Array | null
): { layers: ReferenceLayer[]; named: Map<string, Float64Array> } {
  const flat = numbers(description)
  const named = new Map(
    description.parameters.map(({ name, offset, length }) => [name, Float64Array.from(flat.subarray(offset, offset + length))])
  )
  const layers = description.layers.map(({ path, kind }): ReferenceLayer => {
    const own = (name: string): Float64Array | undefined => named.get(`${path}.${name}`)
    if (kind === 'linear' || kind === 'weightNorm')
      return { kind: 'linear', weight: (own('weight') ?? own('v'))!, bias: own('bias')!, ...(own('g') ? { g: own('g')! } : {}) }
    if (kind === 'batchNorm') return { kind, gamma: own('gamma')!, beta: own('beta')! }
    if (kind === 'dropout') return { kind, factors: factors ?? new Float64Array(batch * 9).fill(1) }
    return { kind: 'relu' }
  })
  return { layers, named }
}

function rows(x: Float32Array): Matrix {
  return Array.from({ length: batch }, (_, row) => Float64Array.from(x.subarray(row * inputs, (row + 1) * inputs)))
}

/** What dropout 0.5 multiplies by in step 2 of this model, taken from the public rule through the raw kernel. */
function dropoutFactors(runtime: Runtime): Float64Array {
  const count = batch * 9
  const ones = new Float32Array(count).fill(1)
  const y = new Float32Array(count)
  runtime.call('dropoutForward', [y, new Uint8Array(Math.ceil(count / 8)), ones], [count], [32768, ...key, 0, 2, 0, 0])
  return Float64Array.from(y)
}

describe.each(runtimes)('Programs on $name', ({ runtime }) => {
  it.each([
    ['plain', plain],
    ['weight-normalized', normed]
  ])('gives the loss and the gradients of a %s network', (_name, make) => {
    const { description, runner } = trainer(runtime, make(0.5))
    const { x, y } = data()
    const { result, reports } = runner.step({ x, y }, batch, { step: 2, learningRate: 0 })
    expect(result).toMatchObject({ completed: 1, status: Status.ok })
    const factors = dropoutFactors(runtime)
    expect(new Set(factors)).toEqual(new Set([0, 2]))
    const { layers, named } = oracle(description, factors)
    const loss = (): number => referenceCrossEntropy(referenceForward(layers, rows(x)), y)
    expect(reports.loss).toBeCloseTo(loss(), 5)
    for (const { name, offset, length } of description.parameters)
      for (let i = 0; i < length; i += Math.max(1, Math.floor(length / 7))) {
        const expected = centralDifference(loss, named.get(name)!, i)
        // Float32 sums of some tens of terms near 1, and the difference quotient's own 1e-9.
        expect(Math.abs(runner.floats('gradients')[offset + i]! - expected), `${name}[${i}]`).toBeLessThan(2e-6 + 2e-5 * Math.abs(expected))
      }
    runner.dispose()
  })

  it('gives the same bits fused and unfused, element-wise and in the epilogue', () => {
    const fused = trainer(runtime, plain(0.5))
    const unfused = trainer(runtime, plain(0.5), { fuse: false })
    const { x, y } = data()
    const slots = { step: 7, learningRate: 0.05 }
    expect(fused.runner.step({ x, y }, batch, slots).reports).toEqual(unfused.runner.step({ x, y }, batch, slots).reports)
    for (const region of ['gradients', 'parameters', 'buffers', 'optimizer.velocity'])
      expect(Buffer.from(fused.runner.memory[region]!)).toEqual(Buffer.from(unfused.runner.memory[region]!))
  })

  it('gives weight normalization in the epilogue within rounding of the plain graph', () => {
    const fused = trainer(runtime, normed(0.5))
    const unfused = trainer(runtime, normed(0.5), { fuse: false })
    const { x, y } = data()
    for (const { runner } of [fused, unfused]) runner.step({ x, y }, batch, { step: 7, learningRate: 0 })
    const [a, b] = [fused.runner.floats('gradients'), unfused.runner.floats('gradients')]
    for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!), `gradient ${i}`).toBeLessThan(1e-6 + 1e-5 * Math.abs(b[i]!))
  })

  it('gives the same bits on one thread and on two', () => {
    const one = trainer(runtime, normed(0.5), { threads: 1 })
    const two = trainer(runtime, normed(0.5), { threads: 2 })
    for (let step = 0; step < 4; step++) for (const { runner } of [one, two]) runner.step(data(step), batch, { step, learningRate: 0.1 })
    expect(Buffer.from(one.runner.memory.parameters!)).toEqual(Buffer.from(two.runner.memory.parameters!))
  })

  it('refuses a step with NaN, infinity or a foreign label, and leaves everything as it was', () => {
    const { description, runner, program } = trainer(runtime, plain(0.5))
    runner.step(data(), batch, { step: 0, learningRate: 0.1 })
    const before = ['parameters', 'buffers', 'optimizer.velocity'].map((region) => Buffer.from(runner.memory[region]!.slice(0)))
    const bad: [ReturnType<typeof data>, object][] = []
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { x, y } = data()
      x[20] = value
      bad.push([
        { x, y },
        { kind: 'nonFinite', layer: 'x', index: 20 }
      ])
    }
    for (const label of [-1, classes]) {
      const { x, y } = data()
      y[4] = label
      bad.push([
        { x, y },
        { kind: 'label', layer: 'loss', index: 4, classes }
      ])
    }
    const huge = data()
    huge.x.fill(3e38, 0, inputs)
    bad.push([huge, { kind: 'nonFinite', layer: '1' }])
    for (const [batchData, failure] of bad) {
      const { result } = runner.step(batchData, batch, { step: 1, learningRate: 0.1 })
      expect(result.completed).toBe(0)
      expect(describeFailure(description, program, result)).toMatchObject(failure)
      const after = ['parameters', 'buffers', 'optimizer.velocity'].map((region) => Buffer.from(runner.memory[region]!))
      expect(after).toEqual(before)
    }
  })

  it('names the parameter whose gradient overflows', () => {
    const { description, runner, program } = trainer(runtime, sequential(linear(4, { name: 'wide' }), linear(classes)))
    const parameters = runner.floats('parameters').fill(0)
    const last = description.parameters.find(({ name }) => name === '1.weight')!
    // Hidden values are 0, so the loss is finite; class 1 is taken for sure and its weights carry 2 · 3e38 back.
    parameters.fill(2, last.offset + 4, last.offset + 8)
    const { x, y } = data()
    x.fill(3e38)
    y.fill(0)
    parameters[description.parameters.find(({ name }) => name === '1.bias')!.offset + 1] = 30
    const { result } = runner.step({ x, y }, batch, { step: 0, learningRate: 0.1 })
    expect(describeFailure(description, program, result)).toMatchObject({ kind: 'nonFinite', layer: 'wide.weight' })
    expect(
      runner
        .floats('parameters')
        .slice(0, last.offset)
        .every((value) => value === 0)
    ).toBe(true)
  })

  it('predicts the same bits folded and live, alone and in a batch', () => {
    for (const root of [plain(0.5), normed(0.5), sequential(batchNorm(), linear(8), relu(), batchNorm(), linear(classes))]) {
      const description = describeModel(root, [inputs])
      const live = new ProgramRunner(runtime, inferenceProgram(description, { maxBatch: 16 }))
      live.floats('parameters').set(numbers(description))
      const random = testRandom(9)
      for (const { name, offset, length, dtype } of description.buffers)
        for (let i = 0; i < length && dtype === 'float32'; i++)
          new Float32Array(live.memory.buffers!, offset)[i] = name.endsWith('Variance') ? 0.5 + random.uniform() : random.normal()
      const folded = foldedProgram(description, { maxBatch: 16 })
      const prepare = new ProgramRunner(runtime, folded.prepare, live.memory)
      expect(prepare.step({}, 1).result.completed).toBe(1)
      const predict = new ProgramRunner(runtime, folded.predict, prepare.memory)
      const { x } = data()
      const whole = predict.step({ x }, batch).outputs.output as Float32Array
      const alive = live.step({ x }, batch).outputs.output as Float32Array
      const foldsBefore = root.layers![0]!.kind === 'batchNorm'
      for (let i = 0; i < whole.length; i++) expect(Math.abs(whole[i]! - alive[i]!)).toBeLessThanOrEqual(foldsBefore ? 1e-5 : 0)
      for (let row = 0; row < batch; row++) {
        const alone = predict.step({ x: x.subarray(row * inputs, (row + 1) * inputs) }, 1).outputs.output
        expect(alone).toEqual(whole.slice(row * classes, (row + 1) * classes))
      }
    }
  })

  it('evaluates each row as predict and the loss do', () => {
    const description = describeModel(plain(0.5), [inputs])
    const loss = softmaxCrossEntropy()
    const evaluate = new ProgramRunner(runtime, evaluationProgram(description, { loss, maxBatch: 16 }))
    evaluate.floats('parameters').set(numbers(description))
    for (const { offset, length, initial, dtype } of description.buffers)
      if (dtype === 'float32') new Float32Array(evaluate.memory.buffers!, offset, length).fill(initial)
    const predict = new ProgramRunner(runtime, inferenceProgram(description, { maxBatch: 16 }), evaluate.memory)
    const { x, y } = data()
    const { outputs } = evaluate.step({ x, y }, batch)
    expect(outputs.output).toEqual(predict.step({ x }, batch).outputs.output)
    const logits = Array.from({ length: batch }, (_, row) =>
      Float64Array.from(outputs.output!.subarray(row * classes, (row + 1) * classes))
    )
    for (let row = 0; row < batch; row++) expect(outputs.rowLoss![row]).toBeCloseTo(referenceCrossEntropy([logits[row]!], [y[row]!]), 5)
  })

  it('copies the input where a model passes it on', () => {
    const description = describeModel(sequential(dropout(0.5)), [inputs])
    const runner = new ProgramRunner(runtime, inferenceProgram(description, { maxBatch: 16 }))
    const { x } = data()
    expect(runner.step({ x }, batch).outputs.output).toEqual(x)
  })
})
