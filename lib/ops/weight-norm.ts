import type { Operation, Value } from '../graph/graph.js'
import { isStatic, type StaticShape, staticElementCount } from '../shape.js'
import { matmul, matmulOperation, preActivationGradient } from './matmul.js'
import { sumRows } from './sum-rows.js'
import { activationScalars, expectShape, type FusedActivation, float32, noActivation, wholeShape } from './types.js'

/** inputs: v, g; outputs: w, norm */
export const weightNormOperation: Operation = {
  name: 'weightNorm',
  infer([v, g], _attributes, label) {
    if (!isStatic(v!.shape) || v!.shape.length < 2) throw wholeShape('ops.weightNorm', label, 'v of fixed size [rows, ...]', v!.shape)
    expectShape('ops.weightNorm', label, 'g', g!, [v!.shape[0]!])
    return [float32(v!.shape), float32([v!.shape[0]!])]
  },
  gradient({ inputs: [v, g], outputs: [, norm] }, [dw]) {
    return dw ? weightNormBackward(dw, v!, g!, norm!) : [null, null]
  },
  lower({ inputs: [v, g], outputs: [w, norm] }, lowering) {
    lowering.call('weightNormForward', [w!, norm!, v!, g!], rowsAndColumns(v!))
  }
}

const backward: Operation = {
  name: 'weightNormBackward',
  infer: ([, v, g]) => [float32(v!.shape), float32(g!.shape)],
  lower({ inputs: [dw, v, g, norm], outputs: [dv, dg] }, lowering) {
    lowering.call('weightNormBackward', [dv!, dg!, dw!, v!, g!, norm!], rowsAndColumns(v!))
  }
}

const scale: Operation = {
  name: 'weightNormScale',
  infer: ([, g]) => [float32(g!.shape), float32(g!.shape)],
  lower({ inputs: [v, g], outputs: [out, norm] }, lowering) {
    lowering.call('weightNormScale', [out!, norm!, v!, g!], rowsAndColumns(v!))
  }
}

/** inputs: x, v, g, bias?; outputs: y, scale, norm. A linear layer whose g/‖v‖ is applied to the product, not to v. */
export const weightNormLinearOperation: Operation<FusedActivation> = {
  name: 'weightNormLinear',
  infer([x, v, g]) {
    const [outputs] = v!.shape as [number]
    return [float32([x!.shape[0]!, outputs]), float32(g!.shape), float32(g!.shape)]
  },
  gradient(node, [upstream], [wantsX, wantsV, wantsG, wantsBias]) {
    const [x, v, g] = node.inputs as [Value, Value, Value]
    const [, rowScale, norm] = node.outputs as [Value, Value, Value]
    const dy = preActivationGradient(node, upstream!)
    // dx = dy · w with w = scale ∘ v, the scale applied to dy's columns while the kernel reads them
    const attributes = { transposeA: false, layoutB: 'kn' as const, ...noActivation }
    const dx = wantsX ? dy.graph.apply(matmulOperation, [dy, v, null, null, rowScale], attributes)[0]! : null
    const [dv, dg] = wantsV || wantsG ? weightNormBackward(matmul(dy, x, { transposeA: true }), v, g, norm) : [null, null]
    return [dx, dv ?? null, dg ?? null, wantsBias ? sumRows(dy) : null]
  },
  lower({ inputs: [x, v, g, bias], outputs: [y, rowScale, norm], attributes }, lowering) {
    const [rows, columns] = rowsAndColumns(v!)
    lowering.call('weightNormScale', [rowScale!, norm!, v!, g!], [rows, columns])
    lowering.call(
      'matmul',
      [y!, x!, v!, bias ?? null, rowScale!, null],
      [x!.shape[0]!, rows, columns],
      [0, 1, ...activationScalars(attributes)]
    )
  }
}

function rowsAndColumns(v: Value): [number, number] {
  const [rows, ...rest] = v.shape as StaticShape
  return [rows!, staticElementCount(rest)]
}

function weightNormBackward(dw: Value, v: Value, g: Value, norm: Value): readonly Value[] {
  return dw.graph.apply(backward, [dw, v, g, norm], {})
}

/** g/‖v‖ by rows, 0 for a row of zeros. */
export function weightNormScale(v: Value, g: Value): Value {
  return v.graph.apply(scale, [v, g], {})[0]!
}

/**
 * w = g · v/‖v‖, each row by its own norm (Salimans & Kingma 2016, "Weight normalization", equation 2).
 * A row of zeros gives zeros, and zero gradients.
 *
 * @param v [rows, ...], of fixed size
 * @param g [rows]
 * @returns v's shape
 * @throws ShapeError when g does not have one element a row, or v fewer than two dimensions
 */
export function weightNorm(v: Value, g: Value): Value {
  return v.graph.apply(weightNormOperation, [v, g], {})[0]!
}
