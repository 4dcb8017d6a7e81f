import { expect } from 'vitest'
import type { Value } from '../../lib/graph/graph.js'
import type { Layer, LayerContext } from '../../lib/layers/layer.js'
import type { Runtime } from '../../lib/runtime/runtime.js'
import { expectOperation, type OperationCase, type OperationResult } from './operation.js'

/** A context whose parameters are `values` by their names. */
export function contextOf(values: Readonly<Record<string, Value>>): LayerContext {
  return {
    path: '0',
    training: true,
    key: [0, 0],
    parameter(name, shape) {
      expect(values[name]?.shape, name).toEqual(shape)
      return values[name]!
    },
    buffer: () => expect.fail('no buffer was expected'),
    child: () => expect.fail('no nested layer was expected'),
    dropout: () => expect.fail('no dropout was expected'),
    ordinal: () => 0,
    withParameters: () => expect.fail('no override was expected')
  }
}

/** Holds a layer against a reference in float64, and its gradients against central differences. Operands: x, and the parameters by name. */
export function expectLayerOf(runtime: Runtime, layer: Layer, test: Omit<OperationCase, 'apply'>, tolerance?: number): OperationResult {
  return expectOperation(runtime, { ...test, apply: (values) => layer.apply(contextOf(values), values.x!) }, tolerance)
}
