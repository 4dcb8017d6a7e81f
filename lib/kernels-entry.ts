import { checkOptions, choiceOption } from './options.js'
import {
  type BatchNormBackwardOptions,
  type BatchNormBackwardResult,
  type BatchNormForwardOptions,
  type BatchNormForwardResult,
  type BatchNormInferenceOptions,
  batchNormBackward,
  batchNormForward,
  batchNormInference
} from './raw/batch-norm.js'
import {
  type DropoutBackwardOptions,
  type DropoutForwardOptions,
  type DropoutForwardResult,
  dropoutBackward,
  dropoutForward
} from './raw/dropout.js'
import { type MatmulOptions, matmul } from './raw/matmul.js'
import {
  type WeightNormBackwardOptions,
  type WeightNormBackwardResult,
  type WeightNormForwardOptions,
  type WeightNormForwardResult,
  weightNormBackward,
  weightNormForward
} from './raw/weight-norm.js'
import type { Runtime } from './runtime/runtime.js'
import { type BackendChoice, backendChoices, selectRuntime } from './runtime/select.js'

export type { ActivationName } from './kernels/types.js'
export type { BatchNormShape } from './raw/batch-norm.js'
export type { BackendChoice } from './runtime/select.js'
export type {
  BatchNormBackwardOptions,
  BatchNormBackwardResult,
  BatchNormForwardOptions,
  BatchNormForwardResult,
  BatchNormInferenceOptions,
  DropoutBackwardOptions,
  DropoutForwardOptions,
  DropoutForwardResult,
  MatmulOptions,
  WeightNormBackwardOptions,
  WeightNormBackwardResult,
  WeightNormForwardOptions,
  WeightNormForwardResult
}

export interface KernelOptions {
  /** Upper bound on the threads of a call; omitted: the least of CPU affinity, cgroup quota and physical cores. */
  readonly threads?: number | undefined
}

/**
 * The kernels by themselves, for people who bring their own framework: synchronous, on Float32Arrays. Results are
 * new arrays, or `out`. Arguments are checked, with errors `kernels.<name>: expected …, got …`:
 * `TypeError` for a value of the wrong kind, a misspelled option, a transferred buffer, an `out` that overlaps an
 * input; `ShapeError` for a length that does not fit; `RangeError` for a number out of its range. Nothing was written then.
 */
export interface RawKernels {
  /** Which backend it is. */
  readonly backend: 'native' | 'portable'
  /** `'avx2'`, …; `'portable'` for the TypeScript kernels. */
  readonly instructionSet: string
  readonly threads: number

  /**
   * Batch normalization with the batch's statistics (Ioffe & Szegedy 2015, algorithm 1). By channel over m = outer·inner values:
   * mean = Σx/m; variance = Σ(x − mean)²/m; invStd = 1/√(variance + epsilon);
   * y = activation(((x − mean) − meanLow) · (gamma · invStd) + beta).
   */
  batchNormForward(options: BatchNormForwardOptions): BatchNormForwardResult

  /**
   * Gradients of batchNormForward (Ioffe & Szegedy 2015, section 3). With x̂ = ((x − mean) − meanLow) · invStd and dz = dy through
   * the activation: dBeta = Σdz; dGamma = Σdz·x̂; dx = gamma · invStd · (dz − dBeta/m − x̂ · dGamma/m).
   */
  batchNormBackward(options: BatchNormBackwardOptions): BatchNormBackwardResult

  /**
   * Batch normalization with given statistics (Ioffe & Szegedy 2015, algorithm 2):
   * y = activation(((x − mean) − meanLow) · (gamma/√(variance + epsilon)) + beta), the same expression as in batchNormForward.
   */
  batchNormInference(options: BatchNormInferenceOptions): Float32Array

  /**
   * Inverted dropout (Srivastava et al. 2014, section 10): with threshold = round(rate · 65536), at least 1 and at most 65535 for
   * 0 < rate < 1, an element is kept when its 16 random bits are not below the threshold, and kept ones are multiplied by
   * 65536/(65536 − threshold), so the expectation is x. Rate 0 is the identity, rate 1 gives zeros.
   * The bits are Philox4x32-10's for (seed, step, stream, element): the same on every machine.
   */
  dropoutForward(options: DropoutForwardOptions): DropoutForwardResult

  /** dx = dy · 65536/(65536 − threshold) where the mask has a 1, else 0. */
  dropoutBackward(options: DropoutBackwardOptions): Float32Array

  /**
   * Weight normalization by rows (Salimans & Kingma 2016, equation 2): w = (g/‖v‖) · v. A row of zeros gives zeros.
   */
  weightNormForward(options: WeightNormForwardOptions): WeightNormForwardResult

  /**
   * Gradients of weightNormForward (Salimans & Kingma 2016, equation 3): dg = (v/‖v‖)·dw; dv = (g/‖v‖) · (dw − (v/‖v‖)·dg).
   * A row of zeros gives zeros.
   */
  weightNormBackward(options: WeightNormBackwardOptions): WeightNormBackwardResult

  /** [m, n] = activation((Σ_k A[m, k] · B[k, n]) · scale[n] + bias[n]) */
  matmul(options: MatmulOptions): Float32Array
}

const made = new WeakMap<Runtime, RawKernels>()

/**
 * The kernels of a backend. `'auto'`: native where it runs, else portable; `backendInfo().reason` of the package's
 * main entry says why.
 *
 * @throws BackendError for `'native'` where the native binary does not run, with the reason
 * @example
 * const k = kernels('auto')
 * const y = k.matmul({ a: Float32Array.of(1, 2), b: Float32Array.of(3, 4), m: 1, n: 1, k: 2 }) // [11]
 */
export function kernels(backend: BackendChoice = 'auto', options?: KernelOptions): RawKernels {
  const { threads } = checkOptions('kernels', options, ['threads'])
  const runtime = selectRuntime({ backend: choiceOption('kernels', 'backend', backend, 'auto', backendChoices), threads })
  let known = made.get(runtime)
  if (!known) made.set(runtime, (known = rawKernels(runtime)))
  return known
}

function rawKernels(runtime: Runtime): RawKernels {
  return Object.freeze<RawKernels>({
    backend: runtime.backend,
    instructionSet: runtime.instructionSet,
    threads: runtime.threads,
    batchNormForward: (options) => batchNormForward(runtime, options),
    batchNormBackward: (options) => batchNormBackward(runtime, options),
    batchNormInference: (options) => batchNormInference(runtime, options),
    dropoutForward: (options) => dropoutForward(runtime, options),
    dropoutBackward: (options) => dropoutBackward(runtime, options),
    weightNormForward: (options) => weightNormForward(runtime, options),
    weightNormBackward: (options) => weightNormBackward(runtime, options),
    matmul: (options) => matmul(runtime, options)
  })
}
