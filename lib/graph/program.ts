import type { KernelName } from '../kernels/table.js'
import type { DType } from '../kernels/types.js'
import type { Dimension } from '../shape.js'

/**
 * A Program is plain data: what a planned model does in one step, run alike by both runtimes.
 *
 * A step gathers its inputs, runs the segments of phase `compute` and, if every kernel answered ok, those of
 * phase `commit`. Only commit segments write the regions `parameter`, `buffer` and `optimizer`; so a step that
 * fails leaves them as they were.
 */
export interface Program {
  /** Named sizes, given at run time for each step, at most `maximum`. Dims of calls are affine in them. */
  readonly symbols: readonly ProgramSymbol[]
  /** Named scalars given at run time for each step: learning rate, step number. */
  readonly slots: readonly string[]
  readonly regions: readonly Region[]
  readonly segments: readonly Segment[]
  /** Single float32 elements read after each step into the crossing's results: the loss. */
  readonly reports: readonly Report[]
}

export interface ProgramSymbol {
  readonly name: string
  readonly maximum: number
}

/**
 * `input` and `output` regions are bound anew at every crossing and consist of rows; `scratch` belongs to the
 * executor and holds nothing between steps; the others are bound when the executor is made and persist.
 */
export type RegionKind = 'input' | 'output' | 'parameter' | 'gradient' | 'buffer' | 'optimizer' | 'constant' | 'scratch'

export interface Region {
  readonly kind: RegionKind
  /** Unique among the regions. */
  readonly name: string
  /** Bytes at the symbols' maxima. */
  readonly bytes: number
  /** Of inputs and outputs only: how many rows a step has, and what one row is. */
  readonly rows?: Dimension
  readonly rowElements?: number
  readonly dtype?: DType
}

export interface Segment {
  readonly phase: 'compute' | 'commit'
  /** How often the calls run, one after the other; 1 unless it is a loop. */
  readonly count: Dimension
  readonly calls: readonly KernelCall[]
}

export interface KernelCall {
  readonly kernel: KernelName
  /** By position, as the kernel's spec lists them. */
  readonly operands: readonly (BufferReference | null)[]
  readonly dims: readonly Dimension[]
  readonly scalars: readonly ScalarReference[]
  /** What an error names: an input, `loss`, or the dotted path of the layer. */
  readonly label: string
}

export interface BufferReference {
  /** Index into `regions`. */
  readonly region: number
  /** In bytes; a multiple of the element size. */
  readonly offset: number
  /** Bytes added at each turn of the segment's loop. */
  readonly stride?: number
  readonly dtype: DType
}

/** constant + slots[slot] + perTurn · (turn of the segment's loop) */
export type ScalarReference = number | { readonly constant?: number; readonly slot?: number; readonly perTurn?: number }

export interface Report {
  readonly name: string
  readonly source: BufferReference
}
