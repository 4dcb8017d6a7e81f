import type { BufferReference, KernelCall, Program, Region, RegionKind, ScalarReference, Segment } from '../graph/program.js'
import type { KernelName } from '../kernels/table.js'
import type { DType } from '../kernels/types.js'
import type { Dimension } from '../shape.js'

/**
 * A Program as one flat list of float64 words, which native/runtime/decode.cc reads (and checks: nothing here does).
 *
 *     stream    := magic version symbols slots regions segments reports calls operands dims scalars   (counts, the last four over all segments)
 *                  maximum × symbols
 *                  region × regions, segment × segments, report × reports
 *     region    := kind bytes dtype rowElements rows      (dtype 0, rowElements 0, rows 0 where it is no input or output)
 *     segment   := commit count calls call × calls        (commit 0 or 1)
 *     call      := kernel operands dims scalars operand × operands, dimension × dims, scalar × scalars
 *     operand   := region offset stride dtype             (region -1: absent)
 *     scalar    := constant slot perTurn                  (slot -1: none)
 *     report    := region offset dtype
 *     dimension := constant coefficient × symbols         (`rows`, `count` and a call's dims)
 */
export const streamMagic = 0x45564b50
export const streamVersion = 1

export const regionKinds: readonly RegionKind[] = ['input', 'output', 'parameter', 'gradient', 'buffer', 'optimizer', 'constant', 'scratch']
export const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint8']

/** @param kernelNumber position in the addon's table; -1 for a kernel that it does not have */
export function encodeProgram(program: Program, kernelNumber: (name: KernelName) => number): Float64Array<ArrayBuffer> {
  const calls = program.segments.flatMap((segment) => segment.calls)
  const total = (count: (call: KernelCall) => number): number => calls.reduce((sum, call) => sum + count(call), 0)
  const words: number[] = [
    streamMagic,
    streamVersion,
    program.symbols.length,
    program.slots.length,
    program.regions.length,
    program.segments.length,
    program.reports.length,
    calls.length,
    total((call) => call.operands.length),
    total((call) => call.dims.length),
    total((call) => call.scalars.length),
    ...program.symbols.map((symbol) => symbol.maximum)
  ]
  const writer = new Writer(
    words,
    program.symbols.map((symbol) => symbol.name),
    kernelNumber
  )
  for (const region of program.regions) writer.region(region)
  for (const segment of program.segments) writer.segment(segment)
  for (const report of program.reports) words.push(report.source.region, report.source.offset, dtypes.indexOf(report.source.dtype))
  return Float64Array.from(words)
}

class Writer {
  constructor(
    readonly words: number[],
    readonly symbols: readonly string[],
    readonly kernelNumber: (name: KernelName) => number
  ) {}

  region(region: Region): void {
    this.words.push(
      regionKinds.indexOf(region.kind),
      region.bytes,
      region.dtype === undefined ? 0 : dtypes.indexOf(region.dtype),
      region.rowElements ?? 0
    )
    this.dimension(region.rows ?? 0)
  }

  segment(segment: Segment): void {
    this.words.push(segment.phase === 'commit' ? 1 : 0)
    this.dimension(segment.count)
    this.words.push(segment.calls.length)
    for (const call of segment.calls) this.call(call)
  }

  call(call: KernelCall): void {
    this.words.push(this.kernelNumber(call.kernel), call.operands.length, call.dims.length, call.scalars.length)
    for (const operand of call.operands) this.operand(operand)
    for (const dimension of call.dims) this.dimension(dimension)
    for (const scalar of call.scalars) this.scalar(scalar)
  }

  operand(operand: BufferReference | null): void {
    if (operand === null) this.words.push(-1, 0, 0, 0)
    else this.words.push(operand.region, operand.offset, operand.stride ?? 0, dtypes.indexOf(operand.dtype))
  }

  scalar(scalar: ScalarReference): void {
    if (typeof scalar === 'number') this.words.push(scalar, -1, 0)
    else this.words.push(scalar.constant ?? 0, scalar.slot ?? -1, scalar.perTurn ?? 0)
  }

  dimension(dimension: Dimension): void {
    if (typeof dimension === 'number') this.words.push(dimension, ...this.symbols.map(() => 0))
    else {
      // A symbol that the Program does not list cannot be evaluated: NaN, which no decoder takes.
      const foreign = Object.keys(dimension.terms).some((name) => !this.symbols.includes(name))
      this.words.push(foreign ? Number.NaN : dimension.constant, ...this.symbols.map((name) => dimension.terms[name] ?? 0))
    }
  }
}
