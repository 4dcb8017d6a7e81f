import { BackendError, expectation, outOfRange, ShapeError, wrongKind } from '../errors.js'
import type { KernelCall, Program, Region } from '../graph/program.js'
import { kernelSpecs } from '../kernels/table.js'
import type { TypedArray } from '../kernels/types.js'
import { type Affine, affine, evaluateAffine } from './affine.js'
import { operandExcess } from './check-program.js'
import { checkRows } from './gather-rows.js'
import { evaluateScalar } from './portable-steps.js'
import type { Crossing, InputBinding } from './runtime.js'

const owner = 'Executor.run'
const arrayNames = { float32: 'Float32Array', float64: 'Float64Array', int32: 'Int32Array', uint8: 'Uint8Array' } as const
/** Combinations of symbol values that are remembered as checked; a fit has two (batch sizes that differ by one). */
const mostKnown = 256

/** Refuses a crossing that does not fit its Program, before anything of it runs. */
export class CrossingCheck {
  readonly #program: Program
  readonly #inputs: readonly (Region & { readonly count: Affine })[]
  readonly #outputs: readonly (Region & { readonly count: Affine })[]
  /** Calls whose operands' lengths follow from the symbols alone, and those where a slot may matter. */
  readonly #steady: readonly CheckedCall[]
  readonly #varying: readonly CheckedCall[]
  readonly #known = new Set<string>()

  constructor(program: Program) {
    this.#program = program
    const rows = (kind: string) =>
      program.regions.flatMap((region) => (region.kind === kind ? [{ ...region, count: affine(region.rows!, program.symbols)! }] : []))
    this.#inputs = rows('input')
    this.#outputs = rows('output')
    const calls = program.segments.flatMap((segment, s) => {
      const count = affine(segment.count, program.symbols)!
      return segment.calls.map((call, c) => checkedCall(program, call, count, `segment ${s}, call ${c}`))
    })
    this.#steady = calls.filter(({ varies }) => !varies)
    this.#varying = calls.filter(({ varies }) => varies)
  }

  /** Throws TypeError, RangeError or BackendError. */
  check(crossing: Crossing): void {
    const { steps, symbols, slots, results, inputs, outputs } = crossing
    if (!Number.isSafeInteger(steps) || steps < 0) throw outOfRange(owner, 'steps to be a non-negative integer', steps)
    needs('symbols', symbols, steps * this.#program.symbols.length)
    needs('slots', slots, steps * this.#program.slots.length)
    needs('results', results, steps * this.#program.reports.length)
    for (let step = 0; step < steps; step++) this.#checkStep(crossing, step)
    if (inputs.length !== this.#inputs.length) throw outOfRange(owner, `${this.#inputs.length} inputs`, inputs.length)
    if (outputs.length !== this.#outputs.length) throw outOfRange(owner, `${this.#outputs.length} outputs`, outputs.length)
    for (const [index, region] of this.#inputs.entries()) checkInput(region, inputs[index]!, this.#rows(region.count, crossing))
    for (const [index, region] of this.#outputs.entries()) checkOutput(region, outputs[index]!, this.#rows(region.count, crossing))
  }

  #rows(count: Affine, crossing: Crossing): number {
    let rows = 0
    for (let step = 0; step < crossing.steps; step++) rows += evaluateAffine(count, crossing.symbols, step * this.#program.symbols.length)
    return rows
  }

  #checkStep(crossing: Crossing, step: number): void {
    const { symbols, slots } = this.#program
    const start = step * symbols.length
    const known = step > 0 && sameValues(crossing.symbols, start - symbols.length, start, symbols.length)
    if (!known) this.#checkSymbols(crossing.symbols, start, step)
    for (const call of this.#varying) checkCall(this.#program, call, crossing.symbols, start, crossing.slots, step * slots.length)
  }

  #checkSymbols(values: Float64Array, start: number, step: number): void {
    let key = ''
    for (const [i, { name, maximum }] of this.#program.symbols.entries()) {
      const value = values[start + i]!
      if (!Number.isSafeInteger(value) || value < 0 || value > maximum)
        throw outOfRange(`${owner}: step ${step}`, `symbol '${name}' to be an integer from 0 to ${maximum}`, value)
      key += `${value},`
    }
    if (this.#known.has(key)) return
    for (const { name, count } of [...this.#inputs, ...this.#outputs]) {
      const rows = evaluateAffine(count, values, start)
      if (rows < 0) throw outOfRange(`${owner}: step ${step}`, `region '${name}' to have a non-negative number of rows`, rows)
    }
    for (const call of this.#steady) checkCall(this.#program, call, values, start, noSlots, 0)
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.add(key)
  }
}

const noSlots = new Float64Array(0)

function sameValues(values: Float64Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (values[a + i] !== values[b + i]) return false
  return true
}

interface CheckedCall {
  readonly call: KernelCall
  readonly count: Affine
  readonly dims: readonly Affine[]
  /** Some scalar depends on a slot, and an operand's length could depend on it. */
  readonly varies: boolean
  readonly where: string
}

function checkedCall(program: Program, call: KernelCall, count: Affine, place: string): CheckedCall {
  return {
    call,
    count,
    dims: call.dims.map((dimension) => affine(dimension, program.symbols)!),
    varies: call.scalars.some((scalar) => typeof scalar !== 'number' && scalar.slot !== undefined),
    where: `Program: ${place} (${call.kernel}, '${call.label}')`
  }
}

function checkCall(
  program: Program,
  { call, count, dims, where }: CheckedCall,
  symbols: Float64Array,
  symbolStart: number,
  slots: Float64Array,
  slotStart: number
): void {
  const turns = evaluateAffine(count, symbols, symbolStart)
  const values = dims.map((dimension) => evaluateAffine(dimension, symbols, symbolStart))
  if (turns < 0 || values.some((value) => value < 0)) throw misfit(`${where}: expected a count and dims of at least 0`, [turns, ...values])
  if (turns === 0) return
  const scalars = call.scalars.map((scalar) => evaluateScalar(scalar, slots, slotStart, 0))
  const spec = kernelSpecs[call.kernel]
  for (let i = 0; i < call.operands.length; i++) {
    const operand = call.operands[i]
    if (!operand) continue
    const region = program.regions[operand.region]!
    const excess = operandExcess(operand, spec.operands[i]!.elements(values, scalars), turns, region.bytes)
    if (excess) throw misfit(`${where}: expected operand ${spec.operands[i]!.name} to lie in region '${region.name}'`, excess)
  }
}

const misfit = (sentence: string, actual: unknown): BackendError =>
  new BackendError(`${sentence}, got ${actual}`, { code: 'EVENKEEL_PROGRAM' })

function needs(name: string, array: Float64Array, length: number): void {
  if (!(array instanceof Float64Array)) throw wrongKind(owner, `${name} to be a Float64Array`, array)
  if (array.length < length)
    throw new ShapeError(expectation(owner, `${name} of at least ${length} elements`, array.length), {
      expected: length,
      actual: array.length
    })
}

function checkInput(region: Region, { source, rows, first = 0, scale, shift }: InputBinding, count: number): void {
  const where = `${owner}: input '${region.name}'`
  const scaled = scale !== undefined || shift !== undefined
  const allowed = region.dtype === 'float32' ? ['Float32Array', 'Uint8Array'] : [arrayNames[region.dtype!]]
  const kind = Object.prototype.toString.call(source).slice(8, -1)
  if (!allowed.includes(kind)) throw wrongKind(where, allowed.join(' or '), source)
  if (scaled && region.dtype !== 'float32') throw wrongKind(where, `no scale or shift for ${region.dtype}`, scale ?? shift)
  for (const value of [scale, shift])
    if (value !== undefined && !Number.isFinite(value)) throw outOfRange(where, 'scale and shift to be finite', value)
  if (rows !== undefined && !(rows instanceof Int32Array)) throw wrongKind(where, 'rows to be an Int32Array', rows)
  const available = region.rowElements === 0 ? Number.POSITIVE_INFINITY : Math.floor(source.length / region.rowElements!)
  checkRows(where, available, rows, first, count)
}

function checkOutput(region: Region, target: TypedArray, rows: number): void {
  const where = `${owner}: output '${region.name}'`
  const kind = Object.prototype.toString.call(target).slice(8, -1)
  if (kind !== arrayNames[region.dtype!]) throw wrongKind(where, `a ${arrayNames[region.dtype!]}`, target)
  const length = rows * region.rowElements!
  if (target.length < length)
    throw new ShapeError(expectation(where, `at least ${length} elements`, target.length), { expected: length, actual: target.length })
}
