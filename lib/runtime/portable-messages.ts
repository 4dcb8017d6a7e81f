import type { Program } from '../graph/program.js'
import type { Crossing, CrossingResult } from './runtime.js'

/** What passes between the main thread and the worker. Small: memory is shared, the arrays of a crossing are a few numbers a step. */
export type Request =
  | {
      readonly kind: 'bind'
      readonly executor: number
      readonly program: Program
      readonly memory: Readonly<Record<string, SharedArrayBuffer>>
      /** [0]: the number of the last run that is cancelled. */
      readonly control: Int32Array
    }
  | { readonly kind: 'run'; readonly executor: number; readonly run: number; readonly crossing: Omit<Crossing, 'results'> }
  | { readonly kind: 'release'; readonly executor: number }

export type Reply =
  | { readonly run: number; readonly result: CrossingResult; readonly results: Float64Array }
  | { readonly run: number; readonly failure: { readonly message: string; readonly code: string | undefined } }
