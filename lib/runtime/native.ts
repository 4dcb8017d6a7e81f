import { constants } from 'node:buffer'
import { BackendError, expectation, outOfRange, wrongKind } from '../errors.js'
import type { Program } from '../graph/program.js'
import type { KernelName } from '../kernels/table.js'
import type { StatusCode, TypedArray } from '../kernels/types.js'
import { loadAddon, type NativeAddon } from './addon.js'
import { guarded } from './native-errors.js'
import { NativeProgram } from './native-program.js'
import type { CompiledProgram, KernelResult, RowSelection, Runtime } from './runtime.js'

export interface NativeOptions {
  /** One of `availableInstructionSets()`; omitted: the best. */
  readonly instructionSet?: string
  /** Omitted: the least of CPU affinity, cgroup quota and physical cores. */
  readonly threads?: number
}

/** The instruction sets that this machine runs, best first; none where the addon could not be loaded. */
export function availableInstructionSets(): string[] {
  const { addon } = loadAddon()
  return addon ? addon.targets().flatMap(({ name, supported }) => (supported ? [name] : [])) : []
}

/** Why there is no native backend here; undefined where there is one. */
export function whyNotNative(): string | undefined {
  return loadAddon().reason
}

/** @throws BackendError where the addon cannot run here, with the reason */
export function createNativeRuntime(options: NativeOptions = {}): Runtime {
  const reason = whyNotNative()
  if (reason !== undefined) throw new BackendError(`native: ${reason}`, { code: 'EVENKEEL_NATIVE_UNAVAILABLE' })
  return new NativeRuntime(loadAddon().addon!, options)
}

class NativeRuntime implements Runtime {
  readonly backend = 'native'
  readonly instructionSet: string
  readonly threads: number
  readonly #addon: NativeAddon
  readonly #target: number
  readonly #kernels: ReadonlyMap<string, number>

  constructor(addon: NativeAddon, { instructionSet, threads }: NativeOptions) {
    this.#addon = addon
    const choices = availableInstructionSets()
    this.instructionSet = instructionSet ?? choices[0]!
    if (!choices.includes(this.instructionSet))
      throw new BackendError(
        expectation('native', `an instruction set of this machine (${choices.join(', ')})`, `'${this.instructionSet}'`),
        { code: 'EVENKEEL_INSTRUCTION_SET' }
      )
    this.#target = addon.targets().findIndex(({ name }) => name === this.instructionSet)
    this.threads = threads ?? addon.processors()
    if (!Number.isSafeInteger(this.threads) || this.threads < 1 || this.threads > 256)
      throw outOfRange('native', 'threads to be an integer from 1 to 256', threads)
    this.#kernels = new Map(addon.kernels().map(({ name }, index) => [name, index]))
  }

  allocate(bytes: number): ArrayBuffer {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw wrongKind('Runtime.allocate', 'a number of bytes', bytes)
    // Beyond it Node refuses an ArrayBuffer over memory that is not its own.
    if (bytes > constants.MAX_LENGTH)
      throw new BackendError(expectation('Runtime.allocate', `at most ${constants.MAX_LENGTH} bytes in one piece`, bytes), {
        code: 'EVENKEEL_OUT_OF_MEMORY'
      })
    return guarded(`Runtime.allocate(${bytes})`, () => this.#addon.allocate(bytes))
  }

  call(kernel: KernelName, operands: readonly (TypedArray | null)[], dims: readonly number[], scalars: readonly number[]): KernelResult {
    const [status, detail] = this.#addon.call(this.#target, this.#number('Runtime.call', kernel), operands, dims, scalars, this.threads)
    return { status: status as StatusCode, detail }
  }

  compile(program: Program): CompiledProgram {
    return new NativeProgram(this.#addon, this.#target, this.threads, program, (name) => this.#number('Runtime.compile', name))
  }

  gather(target: TypedArray, source: TypedArray, rowElements: number, { first = 0, rows, count }: RowSelection): void {
    this.#addon.gather(this.#target, target, source, rowElements, rows ?? null, first, count)
  }

  #number(owner: string, kernel: KernelName): number {
    const number = this.#kernels.get(kernel)
    if (number === undefined)
      throw new BackendError(expectation(owner, 'a kernel of the native binary', `'${kernel}'`, 'Is the binary of another version?'))
    return number
  }
}
