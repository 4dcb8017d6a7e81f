import { describe, expect, it } from 'vitest'
import type { Program } from '../../lib/graph/program.js'
import {
  batchNorm,
  dropout,
  type Layer,
  type Loss,
  layerNorm,
  linear,
  meanSquaredError,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  weightNorm
} from '../../lib/index.js'
import * as ops from '../../lib/ops/index.js'
import { describeModel, trainingProgram } from '../../lib/programs/index.js'

const settings = { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), maxBatch: 1024, key: [1, 2] as const }

function programs(layer: Layer, loss: Loss, inputs = 784, microBatch = 128) {
  const description = describeModel(layer, [inputs])
  return {
    whole: trainingProgram(description, { ...settings, loss }),
    parts: trainingProgram(description, { ...settings, loss, microBatch }),
    one: trainingProgram(description, { ...settings, loss, maxBatch: microBatch })
  }
}

const scratch = ({ regions }: Program): number => regions.find(({ kind }) => kind === 'scratch')!.bytes
const values = (apply: Loss['apply']): Loss => ({ kind: 'own', options: {}, target: 'values', apply })

describe('batches in parts', () => {
  it('take the scratch of one part', () => {
    const mlp = sequential(linear(1024), relu(), dropout(0.5), linear(1024), relu(), dropout(0.5), linear(10))
    const { whole, parts, one } = programs(mlp, softmaxCrossEntropy())
    expect(parts.microBatches).toEqual({ rows: 128, dropouts: [1024] })
    expect(scratch(parts.program)).toBe(scratch(one.program))
    expect(scratch(whole.program)).toBeGreaterThan(7 * scratch(parts.program))
  })

  it('begin at whole bytes of the mask bits', () => {
    const layer = sequential(dropout(0.5), linear(3), dropout(0.5))
    const rows = (microBatch: number) => programs(layer, softmaxCrossEntropy(), 5, microBatch).parts.microBatches
    expect(rows(1)).toEqual({ rows: 8, dropouts: [5, 3] })
    expect(rows(15)).toEqual({ rows: 8, dropouts: [5, 3] })
    expect(rows(16)).toEqual({ rows: 16, dropouts: [5, 3] })
    expect(programs(linear(3), softmaxCrossEntropy(), 5, 15).parts.microBatches).toEqual({ rows: 15, dropouts: [] })
  })

  it('are those of losses that are means of what each row gives for itself, and no others', () => {
    const splits = (layer: Layer, loss: Loss) => programs(layer, loss, 6, 8).parts.microBatches !== undefined
    expect(splits(linear(2), meanSquaredError())).toBe(true)
    expect(splits(sequential(weightNorm(linear(4)), relu(), linear(2)), softmaxCrossEntropy())).toBe(true)
    expect(splits(sequential(linear(4), layerNorm(), linear(2)), meanSquaredError())).toBe(true)
    expect(splits(sequential(linear(4), batchNorm(), linear(2)), meanSquaredError())).toBe(false)
    expect(
      splits(
        linear(1),
        values((p, t) => ops.multiply(ops.softmax(ops.reshape(p, [p.shape[0]!])), ops.reshape(t, [p.shape[0]!])))
      )
    ).toBe(false)
    const errors = (p: ops.Value, t: ops.Value) => ops.reshape(ops.subtract(p, t), [p.shape[0]!])
    const own = (rows: (errors: ops.Value) => ReturnType<Loss['apply']>) =>
      splits(
        linear(1),
        values((p, t) => rows(errors(p, t)))
      )
    expect(own((e) => ops.multiply(e, e))).toBe(true)
    expect(own((e) => ops.subtract(e, ops.mean(e)))).toBe(false)
    expect(own((e) => ops.multiply(e, ops.multiply(ops.mean(e), 2)))).toBe(false)
    expect(own((e) => ops.multiply(e, ops.sum(e)))).toBe(false)
    expect(own((e) => ({ loss: e, weight: ops.multiply(e, e) }))).toBe(false)
    expect(own((e) => ops.exp(ops.square(e)))).toBe(true)
    expect(own((e) => ops.where(ops.greater(e, 0), e, 1))).toBe(true)
    // Rows of one are divided by those of all.
    expect(own((e) => ops.softmax(e, 0))).toBe(false)
  })
})
