import { sliceElements } from '../data/pace.js'
import { wrongKind } from '../errors.js'
import type { ModelDescription, ParameterSpec } from '../programs/index.js'
import type { Runtime } from '../runtime/runtime.js'
import type { Sliced } from '../sliced.js'
import type { Tensor } from '../tensor.js'

/** Gives every parameter its first numbers, in the order of the description: norms come after what they are norms of. */
export function* initialize(
  runtime: Runtime,
  description: ModelDescription,
  parameters: Readonly<Record<string, Tensor>>,
  key: readonly [number, number]
): Sliced<void> {
  for (const spec of description.parameters) {
    const { data } = parameters[spec.name]!
    if (spec.normOf === undefined) yield* fill(data, spec, key)
    else yield* rowNorms(runtime, data, parameters[spec.normOf]!.data)
  }
}

function* fill(
  target: Float32Array,
  { name, shape, stream, length, initializer }: ParameterSpec,
  key: readonly [number, number]
): Sliced<void> {
  if (initializer.slices) return yield* initializer.slices(target, { shape, key, stream, start: 0, end: length })
  for (let start = 0; start < length; start += sliceElements) {
    const filled: unknown = initializer.fill(target, { shape, key, stream, start, end: Math.min(length, start + sliceElements) })
    // An asynchronous function would write when the numbers are in use.
    if (filled instanceof Promise)
      throw wrongKind('Initializer.fill', `the numbers of '${name}' when it returns`, filled, 'Make it a synchronous function')
    yield
  }
}

/** g = ‖v‖ by the kernel that divides by it, so that g/‖v‖ is exactly 1. */
function* rowNorms(runtime: Runtime, norms: Float32Array, v: Float32Array): Sliced<void> {
  const rows = norms.length
  const columns = v.length / rows
  const most = Math.max(1, Math.floor((4 * sliceElements) / columns))
  for (let row = 0; row < rows; row += most) {
    const count = Math.min(most, rows - row)
    const part = v.subarray(row * columns, (row + count) * columns)
    const norm = new Float32Array(count)
    runtime.call('weightNormScale', [new Float32Array(count), norm, part, new Float32Array(count)], [count, columns], [])
    norms.set(norm, row)
    yield
  }
}
