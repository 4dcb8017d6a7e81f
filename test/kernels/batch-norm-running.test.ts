import { describe, expect, it } from 'vitest'
import { kernelBackends } from '../helpers/backends.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

describe.each(kernelBackends)('running statistics on $name', (backend) => {
  it.each(lengths)('batchNormInvStd of %i channels, rounded once', (channels) => {
    const random = testRandom(41)
    const variance = guarded(Float32Array, channels, random.array(channels).map(Math.abs), 1)
    const invStd = guarded(Float32Array, channels, undefined, 2)
    expect(backend.call('batchNormInvStd', [invStd.array, variance.array], [channels], [1e-5]).status).toBe(0)
    expect(invStd.array).toEqual(variance.array.map((value) => 1 / Math.sqrt(value + 1e-5)))
    for (const operand of [variance, invStd]) operand.intact()
  })

  it.each(lengths)('batchNormRunning of %i channels moves towards mean and unbiased variance', (channels) => {
    const random = testRandom(42)
    const [mean, low, variance] = [random.array(channels), random.array(channels, 1e-8), random.array(channels).map(Math.abs)]
    for (const meanLow of [low, null]) {
      const runningMean = guarded(Float32Array, channels, random.array(channels), 1)
      const runningVariance = guarded(Float32Array, channels, random.array(channels).map(Math.abs), 3)
      const batches = Float64Array.of(41)
      const step = (from: number, to: number): number => Math.fround(from + (1 - 0.9) * (to - from))
      const expectedMean = runningMean.array.map((value, c) => step(value, mean[c]! + (meanLow ? meanLow[c]! : 0)))
      const expectedVariance = runningVariance.array.map((value, c) => step(value, variance[c]! * (21 / 20)))
      const operands = [runningMean.array, runningVariance.array, batches, mean, meanLow, variance]
      expect(backend.call('batchNormRunning', operands, [3, channels, 7], [0.9]).status).toBe(0)
      expect(runningMean.array).toEqual(expectedMean)
      expect(runningVariance.array).toEqual(expectedVariance)
      expect(batches[0]).toBe(42)
      for (const operand of [runningMean, runningVariance]) operand.intact()
    }
  })

  it('counts no batches where no counter is given, and stays finite for one value a channel', () => {
    const running = [Float32Array.of(0), Float32Array.of(1)]
    backend.call('batchNormRunning', [...running, null, Float32Array.of(5), null, Float32Array.of(0)], [1, 1, 1], [0.5])
    expect(running).toEqual([Float32Array.of(2.5), Float32Array.of(0.5)])
  })

  it.each(lengths)('batchNormFold of %i channels', (channels) => {
    const random = testRandom(43)
    const draw = (): Float32Array => random.array(channels)
    const [mean, variance, gamma, beta, scaleIn, biasIn] = [draw(), draw().map(Math.abs), draw(), draw(), draw(), draw()]
    const scale = guarded(Float32Array, channels, undefined, 1)
    const bias = guarded(Float32Array, channels, undefined, 2)
    const fold = (...optional: (Float32Array | null)[]): void => {
      expect(backend.call('batchNormFold', [scale.array, bias.array, mean, variance, ...optional], [channels], [1e-5]).status).toBe(0)
      for (const operand of [scale, bias]) operand.intact()
    }
    const factor = (c: number): number => 1 / Math.sqrt(variance[c]! + 1e-5)
    fold(gamma, beta, scaleIn, biasIn)
    for (let c = 0; c < channels; c++) {
      // Rounded once from float64, whose own error may turn a tie: one unit.
      const [s, b] = [scaleIn[c]! * gamma[c]! * factor(c), (biasIn[c]! - mean[c]!) * gamma[c]! * factor(c) + beta[c]!]
      expect(Math.abs(scale.array[c]! - s)).toBeLessThanOrEqual(2 ** -24 * 1.001 * Math.abs(s) + 2 ** -150)
      expect(Math.abs(bias.array[c]! - b)).toBeLessThanOrEqual(2 ** -24 * 1.001 * Math.abs(b) + 2 ** -40)
    }
    fold(null, null, null, null)
    expect(scale.array).toEqual(mean.map((_, c) => factor(c)))
    expect(bias.array).toEqual(mean.map((value, c) => -value * factor(c)))
  })
})
