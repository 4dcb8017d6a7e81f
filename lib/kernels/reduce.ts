import { foldLanes, laneSums, sumLanes } from './sum-lanes.js'
import { type PortableKernel, Reduction, Status } from './types.js'

/** Part of the result's definition, as native/kernels/reduce_plan.h has them. */
const piece = 16384
const groupRows = 512
const stripe = 256

// Kernels allocate nothing; one call runs at a time in a thread.
const group = new Float64Array(stripe)
const totals = new Float64Array(stripe)

/**
 * out[outer, middle, inner] = sum, mean, max or min over x[outer, *, middle, *, inner].
 *
 * Terms are taken in index order and cut into groups of fixed size: one float64 chain in a group, then the groups in
 * order; runs along the last dimension go through 16 fixed lanes.
 */
export const reduce: PortableKernel = ({ operands, dims, scalars }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const [outer, first, middle, second, inner] = dims as [number, number, number, number, number]
  const operation = scalars[0]!
  const count = first * second
  const alone = middle === 1
  const runs = { first: alone ? 1 : first, second: alone ? count : second, stride: middle * second * inner }
  for (let block = 0; block < outer * middle; block++) {
    const start = (Math.floor(block / middle) * first * middle + (block % middle)) * second * inner
    if (inner === 1) {
      totals[0] = operation > Reduction.mean ? extremeOfRuns(x, start, runs, operation) : sumOfRuns(x, start, runs)
      finish(out, block, 1, operation, count)
      continue
    }
    for (let column = 0; column < inner; column += stripe) {
      const width = Math.min(stripe, inner - column)
      reduceRows(x, start + column, runs, inner, width, operation)
      finish(out, block * inner + column, width, operation, count)
    }
  }
  return Status.ok
}

interface Runs {
  readonly first: number
  readonly second: number
  readonly stride: number
}

function finish(out: Float32Array, at: number, width: number, operation: number, count: number): void {
  // + 0: a zero of either sign is +0.
  for (let c = 0; c < width; c++) out[at + c] = operation === Reduction.mean ? totals[c]! / count : totals[c]! + 0
}

function sumOfRuns(x: Float32Array, start: number, { first, second, stride }: Runs): number {
  const together = second > piece ? 1 : Math.max(1, Math.floor(piece / Math.max(1, second)))
  let total = 0
  for (let run = 0; run < first; run += together) {
    let sum = 0
    for (let r = run; r < Math.min(run + together, first); r++) {
      for (let from = 0; from < second; from += piece) {
        const terms = sumOfPiece(x, start + r * stride + from, Math.min(piece, second - from))
        if (second > piece) total += terms
        else sum += terms
      }
    }
    total += sum
  }
  return total
}

function sumOfPiece(x: Float32Array, start: number, count: number): number {
  laneSums.fill(0)
  for (let i = 0; i < count; i++) laneSums[i % sumLanes] = laneSums[i % sumLanes]! + x[start + i]!
  return foldLanes(laneSums)
}

function extremeOfRuns(x: Float32Array, start: number, { first, second, stride }: Runs, operation: number): number {
  let best = worst(operation)
  for (let run = 0; run < first; run++)
    for (let i = start + run * stride; i < start + run * stride + second; i++) best = better(best, x[i]!, operation)
  return best
}

/** Into `totals`: `width` neighbouring outputs, with a row of terms for each of their positions. */
function reduceRows(x: Float32Array, start: number, runs: Runs, inner: number, width: number, operation: number): void {
  const { first, second, stride } = runs
  const extreme = operation > Reduction.mean
  const none = extreme ? worst(operation) : 0
  totals.fill(none)
  for (let begin = 0; begin < first * second; begin += groupRows) {
    group.fill(none)
    for (let row = begin; row < Math.min(begin + groupRows, first * second); row++) {
      const from = start + Math.floor(row / second) * stride + (row % second) * inner
      if (extreme) for (let c = 0; c < width; c++) group[c] = better(group[c]!, x[from + c]!, operation)
      else for (let c = 0; c < width; c++) group[c] = group[c]! + x[from + c]!
    }
    if (extreme) for (let c = 0; c < width; c++) totals[c] = better(totals[c]!, group[c]!, operation)
    else for (let c = 0; c < width; c++) totals[c] = totals[c]! + group[c]!
  }
}

const worst = (operation: number): number => (operation === Reduction.max ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)

/** b where it is beyond a or NaN; a NaN in a stays. */
function better(a: number, b: number, operation: number): number {
  // biome-ignore lint/suspicious/noSelfCompare: true for NaN alone, and the quickest way to ask
  return (operation === Reduction.max ? b > a : b < a) || b !== b ? b : a
}
