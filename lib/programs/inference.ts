import type { Graph, Value } from '../graph/graph.js'
import type { Placement } from '../graph/lowering.js'
import { planStages } from '../graph/plan.js'
import type { Program } from '../graph/program.js'
import { traceModel } from '../layers/trace.js'
import { fill } from '../ops/fill.js'
import { fixedValues, separateConstants } from '../ops/folding.js'
import { fuse } from '../ops/fusion.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import { finish, type Sliced } from '../sliced.js'
import { rowLosses, targetInput } from './loss.js'
import { batchSymbol, modelPlacements, modelRegions, ownStorage } from './regions.js'
import type { Loss, ModelDescription } from './types.js'

/** x → output, in inference mode, on the parameters as they are when it runs. */
export function inferenceProgram(description: ModelDescription, { maxBatch }: { readonly maxBatch: number }): Program {
  return finish(inferenceStages(description, { maxBatch }))
}

export function* inferenceStages(description: ModelDescription, { maxBatch }: { readonly maxBatch: number }): Sliced<Program> {
  const { graph, output } = yield* inferenceGraph(description)
  return yield* planStages({
    graph,
    symbols: batchSymbol(maxBatch),
    regions: modelRegions(description),
    given: modelPlacements(graph, description),
    outputs: { output: ownStorage(output) }
  })
}

/** x, y → output, rowLoss and rowWeight (the loss's own: 1 where it has none), one a row, in inference mode. */
export function evaluationProgram(
  description: ModelDescription,
  { loss, maxBatch }: { readonly loss: Loss; readonly maxBatch: number }
): Program {
  return finish(evaluationStages(description, { loss, maxBatch }))
}

export function* evaluationStages(
  description: ModelDescription,
  { loss, maxBatch }: { readonly loss: Loss; readonly maxBatch: number }
): Sliced<Program> {
  const { graph, output } = yield* inferenceGraph(description)
  const own = ownStorage(output)
  const { rowLoss, rowWeight } = graph.labelled('loss', () => {
    const { rows, weight } = rowLosses(loss, output, targetInput(graph, output, loss))
    const rowLoss = ownStorage(rows, new Set([own]))
    return { rowLoss, rowWeight: ownStorage(weight ?? fill(graph, rows.shape, 1), new Set([own, rowLoss])) }
  })
  yield
  return yield* planStages({
    graph,
    symbols: batchSymbol(maxBatch),
    regions: modelRegions(description),
    given: modelPlacements(graph, description),
    outputs: { output: own, rowLoss, rowWeight }
  })
}

export interface FoldedPrograms {
  /** Regions parameters and buffers → constants. Runs once, and at every refresh. */
  readonly prepare: Program
  /** Region constants, x → output. */
  readonly predict: Program
  readonly constantBytes: number
}

/**
 * The inference graph cut in two: what depends on nothing but parameters and buffers is computed once by `prepare`
 * (norms, folded scales and biases, weights packed for the machine), the rest by `predict`.
 */
export function foldedProgram(description: ModelDescription, { maxBatch }: { readonly maxBatch: number }): FoldedPrograms {
  return finish(foldedStages(description, { maxBatch }))
}

export function* foldedStages(description: ModelDescription, { maxBatch }: { readonly maxBatch: number }): Sliced<FoldedPrograms> {
  const traced = yield* inferenceGraph(description)
  const { graph, output } = separateConstants(traced.graph, traced.output)
  const fixed = fixedValues(graph)
  const constants = new Map<Value, Placement>()
  let constantBytes = 0
  for (const node of graph.nodes) {
    if (fixed.has(node.outputs[0]!)) continue
    for (const input of node.inputs) {
      if (!input || !fixed.has(input) || constants.has(input)) continue
      constants.set(input, { region: 'constants', offset: constantBytes })
      constantBytes += Math.ceil((staticElementCount(input.shape as StaticShape) * 4) / 64) * 64
    }
  }
  const region = { kind: 'constant' as const, name: 'constants', bytes: constantBytes }
  const own = ownStorage(output, fixed)
  return {
    prepare: yield* planStages({
      graph,
      inputs: [],
      symbols: batchSymbol(1),
      regions: [...modelRegions(description), region],
      given: modelPlacements(graph, description),
      targets: constants,
      effects: false
    }),
    predict: yield* planStages({ graph, symbols: batchSymbol(maxBatch), regions: [region], given: constants, outputs: { output: own } }),
    constantBytes
  }
}

function* inferenceGraph(description: ModelDescription): Sliced<{ graph: Graph; output: Value }> {
  const trace = traceModel(description.root, description.inputShape, { training: false, key: [0, 0] })
  yield
  const fused = fuse(trace.graph, [trace.output], 'inference')
  yield
  return { graph: fused.graph, output: fused.find(trace.output) }
}
