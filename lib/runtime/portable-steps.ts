import type { BufferReference, KernelCall, Program, ScalarReference, Segment } from '../graph/program.js'
import { portableKernels } from '../kernels/portable.js'
import { bytesPerElement, type DType, type PortableKernel, Status, type TypedArray } from '../kernels/types.js'
import { type Affine, affine, evaluateAffine } from './affine.js'
import { copyRows } from './gather-rows.js'
import { type Arena, alignUp } from './portable-memory.js'
import type { Crossing, CrossingResult } from './runtime.js'

const arrayTypes = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array } as const

interface ReadyCall {
  readonly kernel: PortableKernel
  /** What the kernel gets: one object, filled anew at each call, so that a step allocates nothing. */
  readonly arguments: { operands: (TypedArray | null)[]; dims: number[]; scalars: number[]; detail: number }
  readonly dims: readonly Affine[]
  readonly varying: readonly { readonly position: number; readonly scalar: Exclude<ScalarReference, number> }[]
  readonly operands: readonly (BufferReference | null)[]
  readonly strided: boolean
  /** Views by turn; made when a turn is first reached, and kept. */
  readonly turns: (TypedArray | null)[][]
}

interface ReadySegment {
  readonly count: Affine
  readonly calls: readonly ReadyCall[]
}

interface Rows {
  readonly count: Affine
  readonly rowElements: number
  readonly dtype: DType
  readonly offset: number
}

/**
 * Runs the steps of one executor's crossings on one thread. The Program and the crossing were checked before
 * (`check-program.ts`, `check-crossing.ts`).
 */
export class Steps {
  readonly #program: Program
  readonly #memory: Readonly<Record<string, ArrayBufferLike>>
  readonly #arena: Arena
  readonly #segments: readonly ReadySegment[]
  readonly #inputs: readonly Rows[]
  readonly #outputs: readonly Rows[]
  /** Where each region lies in the arena; undefined for the bound ones. */
  readonly #offsets: readonly (number | undefined)[]
  readonly #arenaBytes: number
  #buffer: ArrayBuffer | undefined
  #inputViews: TypedArray[] = []
  #outputViews: TypedArray[] = []
  #reports: Float32Array[] = []

  constructor(program: Program, memory: Readonly<Record<string, ArrayBufferLike>>, arena: Arena) {
    this.#program = program
    this.#memory = memory
    this.#arena = arena
    let bytes = 0
    this.#offsets = program.regions.map((region) => {
      if (region.kind !== 'input' && region.kind !== 'output' && region.kind !== 'scratch') return undefined
      const offset = bytes
      bytes += alignUp(region.bytes)
      return offset
    })
    this.#arenaBytes = bytes
    this.#segments = program.segments.map((segment) => readySegment(program, segment))
    this.#inputs = this.#rowsOf('input')
    this.#outputs = this.#rowsOf('output')
  }

  #rowsOf(kind: 'input' | 'output'): Rows[] {
    return this.#program.regions.flatMap((region, index) =>
      region.kind === kind
        ? [
            {
              count: affine(region.rows!, this.#program.symbols)!,
              rowElements: region.rowElements!,
              dtype: region.dtype!,
              offset: this.#offsets[index]!
            }
          ]
        : []
    )
  }

  /** `cancelled` is asked before each step. */
  run(crossing: Crossing, cancelled: () => boolean): CrossingResult {
    this.#attach()
    const given = this.#inputs.map(() => 0)
    const written = this.#outputs.map(() => 0)
    const reports = this.#reports
    for (let step = 0; step < crossing.steps; step++) {
      if (cancelled()) return { completed: step, status: Status.ok, segment: -1, call: -1, detail: 0 }
      this.#setDims(crossing, step)
      this.#gather(crossing, step, given)
      const failure = this.#step(crossing, step)
      if (failure) return failure
      this.#deliver(crossing, step, written)
      for (let i = 0; i < reports.length; i++) crossing.results[step * reports.length + i] = reports[i]![0]!
    }
    return { completed: crossing.steps, status: Status.ok, segment: -1, call: -1, detail: 0 }
  }

  /** Another executor may have made the arena grow; the views are then made anew. */
  #attach(): void {
    const buffer = this.#arena.reserve(this.#arenaBytes)
    if (buffer === this.#buffer) return
    this.#buffer = buffer
    const rows = ({ dtype, offset }: Rows): TypedArray => new arrayTypes[dtype](buffer, offset)
    this.#inputViews = this.#inputs.map(rows)
    this.#outputViews = this.#outputs.map(rows)
    this.#reports = this.#program.reports.map(({ source }) => this.#view(source, 0) as Float32Array)
    for (const segment of this.#segments)
      for (const call of segment.calls) {
        call.turns.length = 0
        call.arguments.operands = this.#viewsAt(call, 0)
      }
  }

  #viewsAt(call: ReadyCall, turn: number): (TypedArray | null)[] {
    const known = call.turns[turn]
    if (known) return known
    return (call.turns[turn] = call.operands.map((operand) => operand && this.#view(operand, turn)))
  }

  /** From the reference to the end of its region. */
  #view(reference: BufferReference, turn: number): TypedArray {
    const region = this.#program.regions[reference.region]!
    const base = this.#offsets[reference.region]
    const start = reference.offset + turn * (reference.stride ?? 0)
    // A turn that no count reaches may lie outside; a view of it holds nothing.
    const length = Math.max(0, Math.floor((region.bytes - start) / bytesPerElement[reference.dtype]))
    const type = arrayTypes[reference.dtype]
    if (start < 0 || length === 0) return new type(0)
    const buffer = base === undefined ? this.#memory[region.name]! : this.#buffer!
    return new type(buffer as ArrayBuffer, (base ?? 0) + start, length)
  }

  #setDims(crossing: Crossing, step: number): void {
    const start = step * this.#program.symbols.length
    for (const segment of this.#segments)
      for (const call of segment.calls)
        for (let i = 0; i < call.dims.length; i++) call.arguments.dims[i] = evaluateAffine(call.dims[i]!, crossing.symbols, start)
  }

  #gather(crossing: Crossing, step: number, given: number[]): void {
    const start = step * this.#program.symbols.length
    for (let i = 0; i < this.#inputs.length; i++) {
      const { count, rowElements } = this.#inputs[i]!
      const { source, rows, first = 0, scale, shift } = crossing.inputs[i]!
      const rowCount = evaluateAffine(count, crossing.symbols, start)
      copyRows(this.#inputViews[i]!, 0, source, {
        rowElements,
        count: rowCount,
        rows,
        first: (rows ? 0 : first) + given[i]!,
        scale: scale ?? (shift === undefined ? undefined : 1),
        shift
      })
      given[i] = given[i]! + rowCount
    }
  }

  #deliver(crossing: Crossing, step: number, written: number[]): void {
    const start = step * this.#program.symbols.length
    for (let i = 0; i < this.#outputs.length; i++) {
      const { count, rowElements } = this.#outputs[i]!
      const rowCount = evaluateAffine(count, crossing.symbols, start)
      copyRows(crossing.outputs[i]!, written[i]! * rowElements, this.#outputViews[i]!, { rowElements, count: rowCount, first: 0 })
      written[i] = written[i]! + rowCount
    }
  }

  /** undefined when every kernel answered ok. */
  #step(crossing: Crossing, step: number): CrossingResult | undefined {
    const symbolStart = step * this.#program.symbols.length
    for (let s = 0; s < this.#segments.length; s++) {
      const segment = this.#segments[s]!
      const turns = evaluateAffine(segment.count, crossing.symbols, symbolStart)
      for (let turn = 0; turn < turns; turn++)
        for (let c = 0; c < segment.calls.length; c++) {
          const call = segment.calls[c]!
          this.#ready(call, crossing, step, turn)
          const status = call.kernel(call.arguments)
          if (status !== Status.ok) return { completed: step, status, segment: s, call: c, detail: call.arguments.detail }
        }
    }
    return undefined
  }

  #ready(call: ReadyCall, crossing: Crossing, step: number, turn: number): void {
    if (call.strided) call.arguments.operands = this.#viewsAt(call, turn)
    call.arguments.detail = 0
    for (let i = 0; i < call.varying.length; i++) {
      const { position, scalar } = call.varying[i]!
      call.arguments.scalars[position] = evaluateScalar(scalar, crossing.slots, step * this.#program.slots.length, turn)
    }
  }
}

/** constant + slot + perTurn · turn, added from left to right on every backend. */
export function evaluateScalar(scalar: ScalarReference, slots: ArrayLike<number>, slotStart: number, turn: number): number {
  if (typeof scalar === 'number') return scalar
  let value = scalar.constant ?? 0
  if (scalar.slot !== undefined) value += slots[slotStart + scalar.slot]!
  if (scalar.perTurn) value += scalar.perTurn * turn
  return value
}

function readySegment(program: Program, segment: Segment): ReadySegment {
  return { count: affine(segment.count, program.symbols)!, calls: segment.calls.map((call) => readyCall(program, call)) }
}

function readyCall(program: Program, call: KernelCall): ReadyCall {
  const scalars = call.scalars.map((scalar) => evaluateScalar(scalar, [], 0, 0))
  return {
    kernel: portableKernels[call.kernel]!,
    arguments: { operands: [], dims: call.dims.map(() => 0), scalars, detail: 0 },
    dims: call.dims.map((dimension) => affine(dimension, program.symbols)!),
    varying: call.scalars.flatMap((scalar, position) => (typeof scalar === 'number' ? [] : [{ position, scalar }])),
    operands: call.operands,
    strided: call.operands.some((operand) => operand?.stride),
    turns: []
  }
}
