import { booleanOption, checkOptions } from '../options.js'
import type { Runtime } from '../runtime/runtime.js'
import { type ActivationOptions, activationScalars, float32, given, optionalFloat32, output, size } from './operands.js'

export interface MatmulOptions extends ActivationOptions {
  /** [m, k]; with transposeA [k, m]. */
  readonly a: Float32Array
  /** [k, n]; with transposeB [n, k], as a linear layer keeps its weights. */
  readonly b: Float32Array
  readonly m: number
  readonly n: number
  readonly k: number
  /** Default false. */
  readonly transposeA?: boolean | undefined
  /** Default false. */
  readonly transposeB?: boolean | undefined
  /** [n]; omitted: 0. */
  readonly bias?: Float32Array | undefined
  /** [n]; omitted: 1. */
  readonly scale?: Float32Array | undefined
  /** Receives the result; default a new array. Must not overlap an input. */
  readonly out?: Float32Array | undefined
}

export function matmul(runtime: Runtime, options: MatmulOptions): Float32Array {
  const owner = 'kernels.matmul'
  const names = ['a', 'b', 'm', 'n', 'k', 'transposeA', 'transposeB', 'bias', 'scale', 'activation', 'slope', 'out'] as const
  checkOptions(owner, given(owner, options), names, {
    transA: 'The option is called transposeA',
    transB: 'The option is called transposeB',
    alpha: 'Multiply with scale, one factor a column'
  })
  const [m, n, k] = [size(owner, 'm', options.m), size(owner, 'n', options.n), size(owner, 'k', options.k)]
  const transposeA = booleanOption(owner, 'transposeA', options.transposeA, false)
  const transposeB = booleanOption(owner, 'transposeB', options.transposeB, false)
  const a = float32(owner, 'a', options.a, m * k, transposeA ? `[k, m] = [${k}, ${m}]` : `[m, k] = [${m}, ${k}]`)
  const b = float32(owner, 'b', options.b, n * k, transposeB ? `[n, k] = [${n}, ${k}]` : `[k, n] = [${k}, ${n}]`)
  const bias = optionalFloat32(owner, 'bias', options.bias, n, 'n')
  const scale = optionalFloat32(owner, 'scale', options.scale, n, 'n')
  const activation = activationScalars(owner, options)
  const out = output(owner, options.out, { elements: m * n, reason: `[m, n] = [${m}, ${n}]`, inputs: { a, b, bias, scale } })
  const scalars = [transposeA ? 1 : 0, transposeB ? 1 : 0, ...activation]
  runtime.call('matmul', [out, a, b, bias, scale, null], [m, n, k], scalars)
  return out
}
