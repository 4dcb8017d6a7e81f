import { describe, expect, it } from 'vitest'
import type { Program } from '../../lib/graph/program.js'
import { relu, tanh } from '../../lib/layers/activations.js'
import { batchNorm } from '../../lib/layers/batch-norm.js'
import { dropout } from '../../lib/layers/dropout.js'
import type { Layer } from '../../lib/layers/layer.js'
import { linear } from '../../lib/layers/linear.js'
import { sequential } from '../../lib/layers/sequential.js'
import { weightNorm } from '../../lib/layers/weight-norm.js'
import { describeModel, foldedProgram, inferenceProgram, trainingProgram } from '../../lib/programs/index.js'
import { softmaxCrossEntropy } from '../../lib/training/losses.js'
import { sgd } from '../../lib/training/optimizers.js'

function kernels(program: Program): string[] {
  return program.segments.flatMap(({ calls }) => calls.map(({ kernel }) => kernel))
}

function training(root: Layer, fuse = true): string[] {
  const options = { loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }), maxBatch: 8, key: [1, 2] as const, fuse }
  return kernels(trainingProgram(describeModel(root, [6]), options).program)
}

describe('fusion', () => {
  it('does normalization, activation and dropout in one pass, forwards and backwards', () => {
    const used = training(sequential(linear(4), batchNorm(), relu(), dropout(0.5), linear(3)))
    for (const name of ['activationForward', 'activationBackward', 'dropoutForward', 'dropoutBackward', 'batchNormApply', 'addBias'])
      expect(used).not.toContain(name)
    expect(used.filter((name) => name.startsWith('batchNorm'))).toEqual(['batchNormForward', 'batchNormBackward', 'batchNormRunning'])
  })

  it('does normalization and dropout without an activation between them in one pass', () => {
    const used = training(sequential(linear(4), batchNorm(), dropout(0.5), linear(3)))
    expect(used).not.toContain('dropoutForward')
  })

  it('leaves a dropout that reads something else', () => {
    expect(training(sequential(linear(4), tanh(), dropout(0.5), linear(3)))).toContain('dropoutForward')
  })

  it('scales the product of a weight-normalized linear layer instead of its weights', () => {
    const used = training(sequential(weightNorm(linear(4)), relu(), weightNorm(linear(3))))
    expect(used.filter((name) => name.startsWith('weightNorm'))).toEqual([
      'weightNormScale',
      'weightNormScale',
      'weightNormBackward',
      'weightNormBackward'
    ])
    expect(used).not.toContain('activationForward')
  })

  it('can be left out', () => {
    const used = training(sequential(weightNorm(linear(4)), batchNorm(), relu(), dropout(0.5), linear(3)), false)
    for (const name of ['weightNormForward', 'addBias', 'activationForward', 'dropoutForward', 'dropoutBackward', 'activationBackward'])
      expect(used).toContain(name)
  })

  it('needs no gradient of the input of the first layer', () => {
    const used = training(sequential(batchNorm(), linear(3)))
    expect(used).toContain('batchNormBackwardReduce')
    expect(used).not.toContain('batchNormBackward')
  })
})

describe('folding', () => {
  const network = sequential(weightNorm(linear(4)), batchNorm(), relu(), dropout(0.5), linear(3))

  it('makes inference of a normalized layer one matmul', () => {
    expect(kernels(inferenceProgram(describeModel(network, [6]), { maxBatch: 8 }))).toEqual([
      'weightNormScale',
      'batchNormFold',
      'matmul',
      'matmul'
    ])
  })

  it('leaves nothing but matmuls for a predictor', () => {
    const { prepare, predict } = foldedProgram(describeModel(network, [6]), { maxBatch: 8 })
    expect(kernels(predict)).toEqual(['matmul', 'matmul'])
    expect(kernels(prepare)).toEqual(['weightNormScale', 'batchNormFold', 'matmulPack', 'activationForward', 'matmulPack'])
  })

  it('takes a batch normalization before a linear layer into it', () => {
    const { predict } = foldedProgram(describeModel(sequential(batchNorm(), linear(4), relu(), batchNorm(), linear(3)), [6]), {
      maxBatch: 8
    })
    expect(kernels(predict)).toEqual(['matmul', 'matmul'])
  })

  it('keeps a batch normalization that stands alone, its activation with it', () => {
    const { predict } = foldedProgram(describeModel(sequential(batchNorm(), relu()), [6]), { maxBatch: 8 })
    expect(kernels(predict)).toEqual(['batchNormInvStd', 'batchNormApply'])
  })
})
