import { BackendError, expectation, wrongKind } from '../errors.js'
import type { Program, Region } from '../graph/program.js'
import type { KernelName } from '../kernels/table.js'
import type { CrossingArguments, ExecutorHandle, NativeAddon, ProgramHandle } from './addon.js'
import { encodeProgram } from './encode.js'
import { guarded, translated } from './native-errors.js'
import type { CompiledProgram, Crossing, CrossingResult, Executor, InputBinding } from './runtime.js'

const isBound = ({ kind }: Region): boolean => kind !== 'input' && kind !== 'output' && kind !== 'scratch'

export class NativeProgram implements CompiledProgram {
  readonly program: Program
  readonly #addon: NativeAddon
  readonly #threads: number
  readonly #handle: ProgramHandle

  constructor(addon: NativeAddon, target: number, threads: number, program: Program, kernelNumber: (name: KernelName) => number) {
    this.program = program
    this.#addon = addon
    this.#threads = threads
    const stream = encodeProgram(program, kernelNumber)
    this.#handle = guarded('Runtime.compile', () => addon.compile(target, stream))
  }

  bind(memory: Readonly<Record<string, ArrayBufferLike>>, threads = this.#threads): Executor {
    const views = this.program.regions.map((region) => (isBound(region) ? view(region, memory[region.name]) : null))
    const most = Math.max(1, Math.min(threads, this.#threads))
    return new NativeExecutor(
      this.#addon,
      guarded('CompiledProgram.bind', () => this.#addon.bind(this.#handle, views, most))
    )
  }

  dispose(): void {
    this.#addon.release(this.#handle)
  }
}

function view(region: Region, memory: ArrayBufferLike | undefined): Uint8Array {
  if (!(memory instanceof ArrayBuffer || memory instanceof SharedArrayBuffer))
    throw new BackendError(expectation('CompiledProgram.bind', `memory for the region '${region.name}'`, memory))
  if (memory.byteLength < region.bytes)
    throw new BackendError(
      expectation('CompiledProgram.bind', `at least ${region.bytes} bytes for the region '${region.name}'`, memory.byteLength)
    )
  refuseGrowable(`CompiledProgram.bind: region '${region.name}'`, memory)
  return new Uint8Array(memory)
}

/** Node-API cannot tell whether shared memory may grow. */
function refuseGrowable(owner: string, memory: ArrayBufferLike): void {
  if ((memory as { growable?: boolean }).growable || (memory as { resizable?: boolean }).resizable)
    throw wrongKind(owner, 'memory of the library, or a SharedArrayBuffer of fixed length', memory)
}

class NativeExecutor implements Executor {
  readonly #addon: NativeAddon
  readonly #handle: ExecutorHandle

  constructor(addon: NativeAddon, handle: ExecutorHandle) {
    this.#addon = addon
    this.#handle = handle
  }

  async run(crossing: Crossing): Promise<CrossingResult> {
    try {
      for (const { source } of crossing.inputs) refuseGrowable('Executor.run: an input', source.buffer)
      for (const output of crossing.outputs) refuseGrowable('Executor.run: an output', output.buffer)
      return await this.#addon.run(...this.#arguments(crossing))
    } catch (error) {
      throw translated('Executor.run', error)
    }
  }

  runSync(crossing: Crossing): CrossingResult {
    return guarded('Executor.runSync', () => this.#addon.runSync(...this.#arguments(crossing)))
  }

  cancel(): void {
    this.#addon.cancel(this.#handle)
  }

  dispose(): void {
    this.#addon.release(this.#handle)
  }

  #arguments({ steps, symbols, slots, inputs, outputs, results }: Crossing): CrossingArguments {
    const numbers = new Float64Array(inputs.length * 4)
    for (let index = 0; index < inputs.length; index++) writeRowNumbers(numbers, index * 4, inputs[index]!)
    const sources = inputs.map(({ source }) => source)
    const rows = inputs.map((input) => input.rows ?? null)
    return [this.#handle, steps, symbols, slots, sources, rows, numbers, outputs, results]
  }
}

function writeRowNumbers(numbers: Float64Array, at: number, { first = 0, scale, shift }: InputBinding): void {
  numbers[at] = first
  numbers[at + 1] = scale !== undefined || shift !== undefined ? 1 : 0
  numbers[at + 2] = scale ?? 1
  numbers[at + 3] = shift ?? 0
}
