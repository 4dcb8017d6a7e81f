import type { KernelName } from '../kernels/table.js'

/** How a learning rate changes with the step. Pure: the same step gives the same rate. */
export interface Schedule {
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  /** The rate at `step`, counted from 0. */
  at(step: number): number
}

/**
 * An optimizer as the Program sees it: one kernel over the flat parameters, with state of the same length.
 * `sgd`, `adam` and `adamW` make these.
 */
export interface Optimizer {
  readonly kind: 'sgd' | 'adam' | 'adamW'
  readonly options: Readonly<Record<string, unknown>>
  readonly learningRate: Schedule
  readonly kernel: KernelName
  /** Flat float32 state, each as long as the parameters, by the kernel's operand name: `velocity`; zeros at first. */
  readonly states: readonly string[]
  /** The kernel's scalars in order: a constant, or the name of a value of `stepValues`. */
  readonly scalars: readonly (number | string)[]
  /** Values that change with the step (counted from 0): learningRate, and for Adam a and b. */
  stepValues(step: number): Readonly<Record<string, number>>
  /** λ, for every segment unless a group says otherwise. */
  readonly weightDecay: number
  /** Longest row of a parameter with two or more dimensions after an update; 0: no limit. */
  readonly maxNorm: number
}
