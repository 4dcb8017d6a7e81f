import { describe, expect, it } from 'vitest'
import { batchNorm, dropout, linear, relu, sequential, sgd, softmaxCrossEntropy, weightNorm } from '../../lib/index.js'
import { segmentColumns } from '../../lib/kernels/table.js'
import { describeModel, type TrainingProgram, trainingProgram } from '../../lib/programs/index.js'
import { matchingNames } from '../../lib/programs/patterns.js'

const layers = sequential(
  weightNorm(linear(8, { name: 'a' })),
  batchNorm(),
  relu(),
  linear(8, { name: 'b' }),
  batchNorm({ name: 'bn' }),
  relu(),
  dropout(0.5),
  linear(3, { name: 'c' })
)
const description = describeModel(layers, [4])
const names = description.parameters.map(({ name }) => name)

function training(patterns: readonly string[]): TrainingProgram {
  const frozen = new Set(patterns.length === 0 ? [] : matchingNames('test', patterns, names))
  const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 })
  return trainingProgram(description, { loss: softmaxCrossEntropy(), optimizer, maxBatch: 16, key: [1, 2], frozen })
}

/** `layer: kernels` of the calls from the loss backwards. */
function backward(...patterns: string[]): string[] {
  const calls = training(patterns)
    .program.segments.filter(({ phase }) => phase === 'compute')
    .flatMap((segment) => segment.calls)
  const rows = calls.slice(calls.findIndex(({ kernel }) => kernel === 'softmaxCrossEntropyBackward') + 1)
  const layers = [...new Set(rows.map(({ label }) => label))].filter((label) => label !== 'parameters*')
  return layers.map((layer) => `${layer}: ${rows.flatMap(({ label, kernel }) => (label === layer ? [kernel] : [])).join(' ')}`)
}

/** Parameters whose gradients are written. */
function written(patterns: readonly string[]): string[] {
  const { regions, segments } = training(patterns).program
  const region = regions.findIndex(({ name }) => name === 'gradients')
  const calls = segments.filter(({ phase }) => phase === 'compute').flatMap((segment) => segment.calls)
  const offsets = calls
    .filter(({ kernel }) => kernel !== 'checkSgdUpdate')
    .flatMap(({ operands }) => operands.flatMap((operand) => (operand?.region === region ? [operand.offset / 4] : [])))
  return description.parameters.filter(({ offset }) => offsets.includes(offset)).map(({ name }) => name)
}

/** Parameters in the optimizer's table: what the check and the update read. */
function listed(patterns: readonly string[]): string[] {
  const { segments } = training(patterns)
  const starts = Array.from({ length: segments.length / segmentColumns.length }, (_, row) => segments[row * segmentColumns.length]!)
  return description.parameters.filter(({ offset }) => starts.includes(offset)).map(({ name }) => name)
}

const c = 'c: matmul matmul sumRows'
const b = 'b: matmul matmul sumRows'
const a = 'a: matmul weightNormBackward sumRows'

describe('frozen parameters', () => {
  it('cost no backward pass below the lowest layer that is trained', () => {
    expect(backward()).toEqual([c, 'bn: batchNormBackward', b, '1: batchNormBackward', a])
    // The lowest trained layer needs its own gradients, and no gradient of its input.
    expect(backward('a.*')).toEqual([c, 'bn: batchNormBackward', b, '1: batchNormBackwardReduce'])
    expect(backward('a.*', '1.*')).toEqual([c, 'bn: batchNormBackward', 'b: matmul sumRows'])
    expect(backward('a.*', '1.*', 'b.*')).toEqual([c, 'bn: batchNormBackwardReduce'])
    expect(backward('a.*', '1.*', 'b.*', 'bn.*')).toEqual(['c: matmul sumRows'])
    expect(backward('a.*', '1.*', 'b.*', 'bn.*', 'c.weight')).toEqual(['c: sumRows'])
  })

  it('have no gradient of their own further up either', () => {
    expect(backward('c.*')).toEqual(['c: matmul', 'bn: batchNormBackward', b, '1: batchNormBackward', a])
    expect(backward('b.*')).toEqual([c, 'bn: batchNormBackward', 'b: matmul', '1: batchNormBackward', a])
    expect(backward('b.weight')).toEqual([c, 'bn: batchNormBackward', 'b: matmul sumRows', '1: batchNormBackward', a])
    expect(backward('*.bias')).toEqual([
      'c: matmul matmul',
      'bn: batchNormBackward',
      'b: matmul matmul',
      '1: batchNormBackward',
      'a: matmul weightNormBackward'
    ])
  })

  it('are neither written nor checked among the gradients', () => {
    for (const patterns of [[], ['a.*'], ['b.*'], ['*.bias'], ['a.*', 'bn.*', 'c.bias'], ['*.gamma', '*.beta', 'b.weight']]) {
      const trained = names.filter((name) => patterns.length === 0 || !matchingNames('test', patterns, names).includes(name))
      expect(written(patterns), patterns.join()).toEqual(trained)
      expect(listed(patterns), patterns.join()).toEqual(trained)
    }
  })
})
