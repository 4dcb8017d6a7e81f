import { describe, outOfRange, wrongKind } from '../errors.js'
import { bytesPerElement } from '../kernels/types.js'
import type { Layer } from '../layers/layer.js'
import type { ModelFunction } from '../layers/model-function.js'
import { checkName } from '../layers/names.js'
import { type Port, portName } from '../layers/ports.js'
import { isLayerModel, traceModel } from '../layers/trace.js'
import { Purpose, streamOf } from '../random.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import type { BufferSpec, ModelDescription, ParameterSpec } from './types.js'

/** A cache line of float32: parameters start on one, so that no vector load straddles two of them. */
const parameterAlignment = 16
const bufferAlignment = 64

/**
 * Traces a model once and says what it holds: its parameters and buffers with their places, and its layers.
 *
 * @param input the model's inputs; a shape, without the batch dimension, stands for one of float32 without a name
 */
export function describeModel(root: Layer | ModelFunction, input: StaticShape | readonly Port[]): ModelDescription {
  const inputs = isShape(input) ? [{ key: undefined, name: 'x', shape: input, dtype: 'float32' as const }] : input
  for (const { key, shape } of inputs) {
    if (key !== undefined) checkName('createModel, input', key)
    checkInputShape(shape)
  }
  if (isLayerModel(root) && inputs.length > 1)
    throw wrongKind(
      'createModel',
      `a model function for the inputs ${inputs.map(({ key }) => key).join(', ')}`,
      root,
      'A layer takes one value: createModel(({ a, b }) => ..., { input })'
    )
  const trace = traceModel(root, inputs, { training: true, key: [0, 0] })
  for (const { key } of trace.outputs) if (key !== undefined) checkName('createModel, output', key)
  const parameters: ParameterSpec[] = []
  let parameterElements = 0
  for (const [index, { name, shape, initializer, normOf }] of trace.parameters.entries()) {
    const length = staticElementCount(shape)
    const stream = streamOf(Purpose.initialization, index)
    parameters.push({ name, shape, offset: parameterElements, length, initializer, stream, ...(normOf === undefined ? {} : { normOf }) })
    parameterElements += roundUp(length, parameterAlignment)
  }
  const buffers: BufferSpec[] = []
  let bufferBytes = 0
  for (const { name, shape, dtype, initial } of trace.buffers) {
    const length = staticElementCount(shape)
    buffers.push({ name, shape, dtype, initial, length, offset: bufferBytes })
    bufferBytes += roundUp(length * bytesPerElement[dtype], bufferAlignment)
  }
  const sizes = new Map(parameters.map(({ name, length }) => [name, length]))
  const layers = trace.layers.map(({ path, kind, outputShape, parameters: names }) => ({
    path,
    kind,
    outputShape: outputShape as StaticShape,
    parameters: names.reduce((sum, name) => sum + sizes.get(name)!, 0)
  }))
  return {
    root,
    inputs,
    outputs: trace.outputs.map(({ key, value }) => ({
      key,
      name: portName('output', key),
      shape: value.shape.slice(1) as StaticShape,
      dtype: 'float32' as const
    })),
    parameters,
    buffers,
    parameterElements,
    bufferBytes,
    layers
  }
}

function isShape(input: StaticShape | readonly Port[]): input is StaticShape {
  return typeof input[0] !== 'object'
}

function checkInputShape(shape: StaticShape): void {
  if (!Array.isArray(shape)) throw wrongKind('createModel', 'an input shape without the batch dimension, such as [784]', shape)
  for (const size of shape)
    if (!Number.isSafeInteger(size) || size < 1)
      throw outOfRange('createModel', `input sizes of at least 1, without the batch dimension, in ${describe(shape)}`, size)
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
