import type { Program } from '../graph/program.js'
import type { KernelName } from '../kernels/table.js'
import type { StatusCode, TypedArray } from '../kernels/types.js'

/** What both backends give: kernels one at a time, and whole Programs. Internal; `select.ts` chooses one. */
export interface Runtime {
  readonly backend: 'native' | 'portable'
  /** `'avx2'`, …; `'portable'` for the TypeScript path. */
  readonly instructionSet: string
  readonly threads: number
  /**
   * Zeroed memory of the library, 64-byte aligned where native: the only memory (besides fixed-length
   * SharedArrayBuffers) that an asynchronous run may read. Lives as long as it or an executor bound to it is reachable.
   * Throws BackendError when there is none left.
   */
  allocate(bytes: number): ArrayBuffer | SharedArrayBuffer
  /** One kernel, now, on this thread. Checks lengths. Operand lengths are at least what the table asks. */
  call(kernel: KernelName, operands: readonly (TypedArray | null)[], dims: readonly number[], scalars: readonly number[]): KernelResult
  /** Checks the Program (ranges, dims, kernels) and readies it. Throws BackendError for one that does not hold together. */
  compile(program: Program): CompiledProgram
  /**
   * Copies rows into `target`, on this thread: target row i = source row (rows ? rows[i] : first + i).
   * Same element type on both sides. Row numbers must be in range (checked; throws RangeError, nothing kept).
   */
  gather(target: TypedArray, source: TypedArray, rowElements: number, selection: RowSelection): void
}

export interface RowSelection {
  /** First of consecutive rows; ignored when `rows` is given. */
  readonly first?: number
  readonly rows?: Int32Array
  readonly count: number
}

export interface KernelResult {
  readonly status: StatusCode
  readonly detail: number
}

export interface CompiledProgram {
  readonly program: Program
  /**
   * Memory for the persistent regions, by region name; at least each region's bytes. Scratch is the executor's own.
   * @param threads upper bound on the threads of a run; omitted: the runtime's
   */
  bind(memory: Readonly<Record<string, ArrayBufferLike>>, threads?: number): Executor
  dispose(): void
}

export interface Executor {
  /** Off the event loop. Crossings of one executor run in the order of their calls. Rejects only for misuse: a kernel's status is a result. */
  run(crossing: Crossing): Promise<CrossingResult>
  runSync(crossing: Crossing): CrossingResult
  /** Asks the crossing on its way to stop before its next step. */
  cancel(): void
  dispose(): void
}

/** Several steps in one call. Arrays are read when `run` is called, except input sources and outputs. */
export interface Crossing {
  readonly steps: number
  /** steps × program.symbols.length, or more: what lies behind is not read. So with the other arrays. */
  readonly symbols: Float64Array
  /** steps × program.slots.length */
  readonly slots: Float64Array
  /** One for each `input` region, in the order of the regions. */
  readonly inputs: readonly InputBinding[]
  /** One for each `output` region, in their order; step after step, consecutive rows. Not readable by anyone else until the run ends. Memory as `source` for an asynchronous run. */
  readonly outputs: readonly TypedArray[]
  /** steps × program.reports.length, written. */
  readonly results: Float64Array
}

/**
 * Where the rows of an input come from: consecutive over the steps of a crossing, or by number. Bytes become
 * float32 as `value · scale + shift`, a float32 product and a float32 sum (also for float32 sources, when either is given).
 * For an asynchronous run `source` is memory from `allocate`, or a SharedArrayBuffer of fixed length.
 */
export interface InputBinding {
  readonly source: Float32Array | Int32Array | Uint8Array
  /** Row numbers, for all steps of the crossing one after the other; omitted: consecutive from `first`. */
  readonly rows?: Int32Array | undefined
  readonly first?: number | undefined
  readonly scale?: number | undefined
  readonly shift?: number | undefined
}

export interface CrossingResult {
  /** Steps that were committed. Less than asked after a status or a cancellation. */
  readonly completed: number
  readonly status: StatusCode
  /** Of the call that stopped the step; -1 where the status is ok. */
  readonly segment: number
  readonly call: number
  readonly detail: number
}
