import type { Operation, Value } from '../graph/graph.js'
import { numberOption } from '../options.js'
import { elementCount } from '../shape.js'
import { expectValue } from './operand.js'
import { activationScalars, type FusedActivation, float32 } from './types.js'

export const activationOperation: Operation<FusedActivation> = {
  name: 'activation',
  infer: ([x]) => [float32(x!.shape)],
  gradient: ({ outputs: [y], attributes }, [upstream]) => [activationBackward(upstream!, y!, attributes)],
  lower({ inputs: [x], outputs: [y], attributes }, lowering) {
    lowering.call('activationForward', [y!, x!], [elementCount(x!.shape)], activationScalars(attributes))
  }
}

const backward: Operation<FusedActivation> = {
  name: 'activationBackward',
  infer: ([dy]) => [float32(dy!.shape)],
  lower({ inputs: [dy, y], outputs: [dx], attributes }, lowering) {
    lowering.call('activationBackward', [dx!, dy!, y!], [elementCount(dy!.shape)], activationScalars(attributes))
  }
}

/** dx from dy and the activation's output y. */
export function activationBackward(dy: Value, y: Value, activation: FusedActivation): Value {
  return dy.graph.apply(backward, [dy, y], activation)[0]!
}

function activate(owner: string, x: Value, activation: FusedActivation): Value {
  expectValue(owner, x)
  return x.graph.apply(activationOperation, [x], activation)[0]!
}

/** max(x, 0); NaN stays NaN, the gradient at 0 is 0. Any shape. */
export function relu(x: Value): Value {
  return activate('ops.relu', x, { activation: 'relu', slope: 0 })
}

/**
 * x where x > 0, else slope · x. Any shape. (Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models".)
 *
 * @param slope a finite number of at least 0
 */
export function leakyRelu(x: Value, slope = 0.01): Value {
  return activate('ops.leakyRelu', x, {
    activation: 'leakyRelu',
    slope: numberOption('ops.leakyRelu', 'slope', slope, 0.01, { atLeast: 0 })
  })
}

/** 1/(1 + e⁻ˣ). Any shape. */
export function sigmoid(x: Value): Value {
  return activate('ops.sigmoid', x, { activation: 'sigmoid', slope: 0 })
}

/** tanh(x). Any shape. */
export function tanh(x: Value): Value {
  return activate('ops.tanh', x, { activation: 'tanh', slope: 0 })
}
