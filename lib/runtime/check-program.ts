import { BackendError, expectation } from '../errors.js'
import type { BufferReference, KernelCall, Program, Region, ScalarReference, Segment } from '../graph/program.js'
import { portableKernels } from '../kernels/portable.js'
import { kernelSpecs } from '../kernels/table.js'
import { bytesPerElement, type OperandSpec } from '../kernels/types.js'
import { type Affine, affine, evaluateAffine } from './affine.js'

const regionKinds = ['input', 'output', 'parameter', 'gradient', 'buffer', 'optimizer', 'constant', 'scratch']
/** Regions that only commit segments write; an input is never written: it may be the caller's own memory. */
const committed = ['parameter', 'buffer', 'optimizer']

/** Throws BackendError unless the Program holds together: every reference exists and lies in its region at the symbols' maxima. */
export function checkProgram(program: Program): void {
  for (const { name, maximum } of program.symbols)
    if (!isSize(maximum)) throw refuse(`symbol '${name}' to have a maximum that is a non-negative integer`, maximum)
  const names = new Set<string>()
  for (const region of program.regions) {
    checkRegion(program, region)
    if (names.has(region.name)) throw refuse('every region to have a name of its own', `'${region.name}' twice`)
    names.add(region.name)
  }
  let committing = false
  for (const [index, segment] of program.segments.entries()) {
    if (segment.phase !== 'compute' && segment.phase !== 'commit') throw refuse("phase 'compute' or 'commit'", `'${segment.phase}'`)
    if (committing && segment.phase === 'compute')
      throw refuse('every compute segment before the first commit segment', `segment ${index} after it`)
    committing = segment.phase === 'commit'
    checkSegment(program, segment, index)
  }
  for (const report of program.reports) checkReport(program, report.name, report.source)
}

function refuse(expected: string, actual: unknown): BackendError {
  return new BackendError(expectation('Program', expected, actual), { code: 'EVENKEEL_PROGRAM' })
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function checkRegion(program: Program, region: Region): void {
  const where = `region '${region.name}'`
  if (!regionKinds.includes(region.kind)) throw refuse(`${where} of a kind that is one of ${regionKinds.join(', ')}`, `'${region.kind}'`)
  if (!isSize(region.bytes)) throw refuse(`${where} to have a non-negative whole number of bytes`, region.bytes)
  if (region.kind !== 'input' && region.kind !== 'output') return
  if (region.rows === undefined || region.dtype === undefined || !isSize(region.rowElements))
    throw refuse(`${where} to have rows, rowElements and dtype`, 'none')
  const rows = dimension(program, region.rows, `${where}: rows`)
  if (!(region.dtype in bytesPerElement)) throw refuse(`${where} of a known dtype`, `'${region.dtype}'`)
  const needed = evaluateAffine(rows, maxima(program)) * region.rowElements * bytesPerElement[region.dtype]
  if (needed > region.bytes) throw refuse(`${where} to hold its rows in ${region.bytes} bytes`, `${needed} bytes of rows`)
}

function dimension(program: Program, value: Parameters<typeof affine>[0], where: string): Affine {
  const known = affine(value, program.symbols)
  if (!known) throw refuse(`${where} to be affine in the symbols ${program.symbols.map(({ name }) => name).join(', ') || '(none)'}`, value)
  return known
}

const maxima = (program: Program): number[] => program.symbols.map(({ maximum }) => maximum)

function checkSegment(program: Program, segment: Segment, index: number): void {
  const turns = evaluateAffine(dimension(program, segment.count, `segment ${index}: count`), maxima(program))
  if (turns < 0) throw refuse(`segment ${index} to have a count of at least 0`, turns)
  for (const [position, call] of segment.calls.entries())
    checkCall(program, segment, call, `segment ${index}, call ${position} (${call.kernel}, '${call.label}')`, turns)
}

function checkCall(program: Program, segment: Segment, call: KernelCall, where: string, turns: number): void {
  const spec = Object.hasOwn(kernelSpecs, call.kernel) ? kernelSpecs[call.kernel] : undefined
  if (!spec || !portableKernels[call.kernel]) throw refuse(`${where}: a kernel that this runtime has`, `'${call.kernel}'`)
  const counts = [
    ['operands', spec.operands.length, call.operands.length],
    ['dims', spec.dims.length, call.dims.length],
    ['scalars', spec.scalars.length, call.scalars.length]
  ] as const
  for (const [what, expected, actual] of counts) if (expected !== actual) throw refuse(`${where}: ${expected} ${what}`, actual)
  for (const [position, scalar] of call.scalars.entries()) checkScalar(program, scalar, `${where}: scalar ${spec.scalars[position]}`)
  for (const [position, operand] of call.operands.entries())
    checkOperand(program, segment, operand, spec.operands[position]!, `${where}: operand ${spec.operands[position]!.name}`)
  const dims = call.dims.map((value, position) =>
    evaluateAffine(dimension(program, value, `${where}: dim ${spec.dims[position]}`), maxima(program))
  )
  if (turns === 0 || dims.some((dim) => dim < 0)) return
  const scalars = call.scalars.map((scalar) => (typeof scalar === 'number' ? scalar : (scalar.constant ?? 0)))
  for (const [position, operand] of call.operands.entries()) {
    if (!operand) continue
    const { name, elements } = spec.operands[position]!
    const excess = operandExcess(operand, elements(dims, scalars), turns, program.regions[operand.region]!.bytes)
    if (excess) throw refuse(`${where}: operand ${name} to lie in region '${program.regions[operand.region]!.name}'`, excess)
  }
}

/** What lies outside the region, as text; undefined where everything fits. */
export function operandExcess(operand: BufferReference, elements: number, turns: number, regionBytes: number): string | undefined {
  const last = operand.offset + (operand.stride ?? 0) * (turns - 1)
  const start = Math.min(operand.offset, last)
  const end = Math.max(operand.offset, last) + elements * bytesPerElement[operand.dtype]
  return start < 0 || end > regionBytes ? `bytes ${start} to ${end} of ${regionBytes}` : undefined
}

function checkOperand(program: Program, segment: Segment, operand: BufferReference | null, spec: OperandSpec, where: string): void {
  if (!operand) {
    if (!spec.optional) throw refuse(`${where} to be given`, 'null')
    return
  }
  const region = program.regions[operand.region]
  if (!region) throw refuse(`${where} to be in one of the ${program.regions.length} regions`, operand.region)
  if (operand.dtype !== spec.dtype) throw refuse(`${where} to be ${spec.dtype}`, operand.dtype)
  const size = bytesPerElement[spec.dtype]
  if (!isSize(operand.offset) || operand.offset % size !== 0)
    throw refuse(`${where} to have an offset that is a multiple of ${size}`, operand.offset)
  const stride = operand.stride ?? 0
  if (!Number.isSafeInteger(stride) || stride % size !== 0) throw refuse(`${where} to have a stride that is a multiple of ${size}`, stride)
  if (spec.access === 'read') return
  if (region.kind === 'input') throw refuse(`${where}, which is written, to be in no input`, `'${region.name}'`)
  if (segment.phase === 'compute' && committed.includes(region.kind))
    throw refuse(`${where}, which a compute segment writes, to be in no region of kind ${committed.join(', ')}`, `'${region.name}'`)
}

function checkScalar(program: Program, scalar: ScalarReference, where: string): void {
  if (typeof scalar === 'number') return
  const { constant = 0, slot, perTurn = 0 } = scalar
  if (typeof constant !== 'number' || typeof perTurn !== 'number') throw refuse(`${where} to be made of numbers`, scalar)
  if (slot !== undefined && !(isSize(slot) && slot < program.slots.length))
    throw refuse(`${where} to take one of the ${program.slots.length} slots`, slot)
}

function checkReport(program: Program, name: string, source: BufferReference): void {
  const region = program.regions[source.region]
  if (!region) throw refuse(`report '${name}' to be in one of the ${program.regions.length} regions`, source.region)
  if (region.kind === 'input' || region.kind === 'output') throw refuse(`report '${name}' to be in no input or output`, `'${region.name}'`)
  if (source.dtype !== 'float32' || !isSize(source.offset) || source.offset % 4 !== 0 || source.offset + 4 > region.bytes)
    throw refuse(
      `report '${name}' to be a float32 in region '${region.name}' of ${region.bytes} bytes`,
      `${source.dtype} at ${source.offset}`
    )
}
