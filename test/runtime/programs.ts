import type { BufferReference, KernelCall, Program, Region } from '../../lib/graph/program.js'
import { noneIgnored } from '../../lib/kernels/labels.js'
import { Activation } from '../../lib/kernels/types.js'
import { multiplyDimensions, symbol } from '../../lib/shape.js'

/** Small Programs, written out by hand, whose results a test computes in a few lines. */
export const width = 3
export const mostRows = 40

const batch = symbol('batch')
const elements = multiplyDimensions(width, batch)

export const float32 = (region: number, offset = 0, stride?: number): BufferReference => ({
  region,
  offset,
  dtype: 'float32',
  ...(stride === undefined ? {} : { stride })
})

export const rowRegion = (
  kind: 'input' | 'output',
  name: string,
  dtype: 'float32' | 'int32' | 'uint8' = 'float32',
  perRow = width
): Region => ({
  kind,
  name,
  bytes: mostRows * perRow * 4,
  rows: batch,
  rowElements: perRow,
  dtype
})

const leaky = (
  out: BufferReference,
  x: BufferReference,
  slope: KernelCall['scalars'][number],
  count: KernelCall['dims'][number]
): KernelCall => ({
  kernel: 'activationForward',
  operands: [out, x],
  dims: [count],
  scalars: [Activation.leakyRelu, slope],
  label: 'leaky'
})

/**
 * y = x + p; s = leakyRelu(y, slope); checked to be finite; then p ← p + s. Reports s[0]. Parameter `p` is as large as
 * the largest batch.
 */
export const accumulate: Program = {
  symbols: [{ name: 'batch', maximum: mostRows }],
  slots: ['unused', 'slope'],
  regions: [
    rowRegion('input', 'x'),
    rowRegion('output', 'y'),
    { kind: 'parameter', name: 'p', bytes: mostRows * width * 4 },
    { kind: 'scratch', name: 'scratch', bytes: 64 + mostRows * width * 4 }
  ],
  segments: [
    {
      phase: 'compute',
      count: 1,
      calls: [
        { kernel: 'add', operands: [float32(1), float32(0), float32(2)], dims: [elements], scalars: [], label: 'sum' },
        leaky(float32(3, 64), float32(1), { slot: 1 }, elements),
        { kernel: 'checkFinite', operands: [float32(3, 64)], dims: [elements], scalars: [], label: 'check' }
      ]
    },
    {
      phase: 'commit',
      count: 1,
      calls: [{ kernel: 'add', operands: [float32(2), float32(2), float32(3, 64)], dims: [elements], scalars: [], label: 'update' }]
    }
  ],
  reports: [{ name: 'first', source: float32(3, 64) }]
}

/** What `accumulate` does in one step, by definition. Gives y and the report. */
export function accumulateReference(x: readonly number[], p: Float32Array, slope: number): { y: number[]; report: number } {
  const y = x.map((value, i) => Math.fround(value + p[i]!))
  const s = y.map((value) => (value > 0 ? value : Math.fround(Math.fround(slope) * value)))
  for (const [i, value] of s.entries()) p[i] = Math.fround(p[i]! + value)
  return { y, report: s[0]! }
}

/** One turn a row of x: sum ← sum + x[turn], out[turn] = leakyRelu(sum, 0.5 + slot + 0.25·turn). The sum persists. */
export const loop: Program = {
  symbols: [{ name: 'batch', maximum: mostRows }],
  slots: ['base'],
  regions: [rowRegion('input', 'x'), rowRegion('output', 'out'), { kind: 'buffer', name: 'sum', bytes: 64 }],
  segments: [
    {
      phase: 'commit',
      count: batch,
      calls: [
        { kernel: 'add', operands: [float32(2), float32(2), float32(0, 0, width * 4)], dims: [width], scalars: [], label: 'sum' },
        leaky(float32(1, 0, width * 4), float32(2), { constant: 0.5, slot: 0, perTurn: 0.25 }, width)
      ]
    }
  ],
  reports: []
}

/** out = x, gathered. */
export const copy: Program = {
  symbols: [{ name: 'batch', maximum: mostRows }],
  slots: [],
  regions: [rowRegion('input', 'x'), rowRegion('output', 'out')],
  segments: [{ phase: 'compute', count: 1, calls: [{ ...leaky(float32(1), float32(0), 0, elements), scalars: [Activation.identity, 0] }] }],
  reports: []
}

/** p ← p + x: counts steps where x is 1. */
export const counter: Program = {
  symbols: [{ name: 'batch', maximum: mostRows }],
  slots: [],
  regions: [rowRegion('input', 'x'), { kind: 'parameter', name: 'p', bytes: mostRows * width * 4 }],
  segments: [
    {
      phase: 'commit',
      count: 1,
      calls: [{ kernel: 'add', operands: [float32(1), float32(1), float32(0)], dims: [elements], scalars: [], label: 'count' }]
    }
  ],
  reports: [{ name: 'count', source: float32(1) }]
}

/** Checks labels against 10 classes. */
export const labels: Program = {
  symbols: [{ name: 'batch', maximum: mostRows }],
  slots: [],
  regions: [rowRegion('input', 'labels', 'int32', 1)],
  segments: [
    {
      phase: 'compute',
      count: 1,
      calls: [
        {
          kernel: 'checkLabels',
          operands: [{ region: 0, offset: 0, dtype: 'int32' }],
          dims: [batch, 10],
          scalars: [noneIgnored],
          label: 'labels'
        }
      ]
    }
  ],
  reports: []
}
