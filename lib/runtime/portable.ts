import { BackendError, expectation, outOfRange } from '../errors.js'
import type { Program } from '../graph/program.js'
import { portableKernels } from '../kernels/portable.js'
import { type KernelName, kernelSpecs } from '../kernels/table.js'
import type { KernelSpec, TypedArray } from '../kernels/types.js'
import { checkProgram } from './check-program.js'
import { gather } from './gather-rows.js'
import { PortableExecutor } from './portable-executor.js'
import { allocateShared, isFixedShared } from './portable-memory.js'
import type { CompiledProgram, KernelResult, Runtime } from './runtime.js'

const arrayNames = { float32: 'Float32Array', float64: 'Float64Array', int32: 'Int32Array', uint8: 'Uint8Array' } as const

/** Kernels and Programs in TypeScript: the same results, within the derived bounds, wherever Node runs. */
export const portableRuntime: Runtime = {
  backend: 'portable',
  instructionSet: 'portable',
  threads: 1,
  allocate(bytes) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw outOfRange('allocate', 'bytes to be a non-negative integer', bytes)
    return allocateShared(bytes)
  },
  call,
  compile(program) {
    checkProgram(program)
    return compiled(program)
  },
  gather
}

function call(
  kernel: KernelName,
  operands: readonly (TypedArray | null)[],
  dims: readonly number[],
  scalars: readonly number[]
): KernelResult {
  const spec = Object.hasOwn(kernelSpecs, kernel) ? kernelSpecs[kernel] : undefined
  const run = portableKernels[kernel]
  if (!spec || !run) throw refuse('a kernel of the table', kernel)
  checkCall(spec, operands, dims, scalars)
  const made = { operands, dims, scalars, detail: 0 }
  const status = run(made)
  return { status, detail: made.detail }
}

const refuse = (expected: string, actual: unknown): BackendError => new BackendError(expectation('call', expected, actual))

function checkCall(spec: KernelSpec, operands: readonly (TypedArray | null)[], dims: readonly number[], scalars: readonly number[]): void {
  if (operands.length !== spec.operands.length) throw refuse(`${spec.operands.length} operands for ${spec.name}`, operands.length)
  if (dims.length !== spec.dims.length || !dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
    throw refuse(`dims ${spec.dims.join(', ')} for ${spec.name}`, dims)
  if (scalars.length !== spec.scalars.length) throw refuse(`scalars ${spec.scalars.join(', ')} for ${spec.name}`, scalars)
  for (const [index, { name, dtype, optional, elements }] of spec.operands.entries()) {
    const operand = operands[index]!
    if (operand === null && optional) continue
    if (Object.prototype.toString.call(operand) !== `[object ${arrayNames[dtype]}]`)
      throw refuse(`operand ${name} of ${spec.name} to be a ${arrayNames[dtype]}`, operand)
    const needed = elements(dims, scalars)
    if (operand.length < needed) throw refuse(`operand ${name} of ${spec.name} to hold ${needed} elements`, operand.length)
  }
}

function compiled(program: Program): CompiledProgram {
  let disposed = false
  return {
    program,
    bind(memory) {
      if (disposed)
        throw new BackendError('Program.bind: expected a Program in use, got one that was disposed of', { code: 'EVENKEEL_DISPOSED' })
      return new PortableExecutor(program, boundMemory(program, memory))
    },
    dispose() {
      disposed = true
    }
  }
}

function boundMemory(program: Program, memory: Readonly<Record<string, ArrayBufferLike>>): Record<string, SharedArrayBuffer> {
  const bound: Record<string, SharedArrayBuffer> = {}
  for (const { kind, name, bytes } of program.regions) {
    if (kind === 'input' || kind === 'output' || kind === 'scratch') continue
    const buffer = memory[name]
    const where = `Program.bind: region '${name}'`
    if (!buffer || !isFixedShared(buffer))
      throw new BackendError(expectation(where, 'memory from allocate, or a SharedArrayBuffer of fixed length', buffer))
    if (buffer.byteLength < bytes) throw new BackendError(expectation(where, `${bytes} bytes`, buffer.byteLength))
    bound[name] = buffer
  }
  return bound
}
