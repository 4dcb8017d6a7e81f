import type { Graph, Value } from '../graph/graph.js'
import type { Placement } from '../graph/lowering.js'
import { planStages } from '../graph/plan.js'
import type { Program } from '../graph/program.js'
import { traceModel } from '../layers/trace.js'
import { fixedValues, separateConstants } from '../ops/folding.js'
import { fuse } from '../ops/fusion.js'
import { type StaticShape, staticElementCount } from '../shape.js'
import { finish, type Sliced } from '../sliced.js'
import { objectivesOf, rowOutputs } from './objectives.js'
import { type OutputForm, probabilities } from './probabilities.js'
import { batchSymbol, modelPlacements, modelRegions, ownStorage } from './regions.js'
import type { Losses, ModelDescription } from './types.js'

/** x → output (each of several), in inference mode, on the parameters as they are when it runs. */
export function inferenceProgram(description: ModelDescription, { maxBatch }: { readonly maxBatch: number }): Program {
  return finish(inferenceStages(description, { maxBatch }))
}

export function* inferenceStages(description: ModelDescription, { maxBatch }: { readonly maxBatch: number }): Sliced<Program> {
  const { graph, outputs } = yield* inferenceGraph(description)
  return yield* planStages({
    graph,
    symbols: batchSymbol(maxBatch),
    regions: modelRegions(description),
    given: modelPlacements(graph, description),
    outputs: outputRegions(description, outputs)
  })
}

/** x, y → output, rowLoss and rowWeight (the loss's own: 1 where it has none), one a row, in inference mode; each of several. */
export function evaluationProgram(
  description: ModelDescription,
  { loss, maxBatch }: { readonly loss: Losses; readonly maxBatch: number }
): Program {
  return finish(evaluationStages(description, { loss, maxBatch }))
}

export function* evaluationStages(
  description: ModelDescription,
  { loss, maxBatch }: { readonly loss: Losses; readonly maxBatch: number }
): Sliced<Program> {
  const { graph, outputs } = yield* inferenceGraph(description)
  const own = outputRegions(description, outputs)
  Object.assign(own, rowOutputs(graph, outputs, objectivesOf(description, loss), new Set(Object.values(own))))
  yield
  return yield* planStages({
    graph,
    symbols: batchSymbol(maxBatch),
    regions: modelRegions(description),
    given: modelPlacements(graph, description),
    outputs: own
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
export function foldedProgram(description: ModelDescription, options: FoldedOptions): FoldedPrograms {
  return finish(foldedStages(description, options))
}

export interface FoldedOptions {
  readonly maxBatch: number
  /** Of each output; omitted: as the network gives it. */
  readonly forms?: readonly OutputForm[]
}

export function* foldedStages(description: ModelDescription, { maxBatch, forms }: FoldedOptions): Sliced<FoldedPrograms> {
  const traced = yield* inferenceGraph(description, forms)
  const { graph, outputs } = separateConstants(traced.graph, traced.outputs)
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
  const own = outputRegions(description, outputs, fixed)
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
    predict: yield* planStages({
      graph,
      symbols: batchSymbol(maxBatch),
      regions: [region],
      given: constants,
      outputs: own
    }),
    constantBytes
  }
}

/** A value for each output, computed into a place of its own. */
function outputRegions(
  { outputs }: ModelDescription,
  values: readonly Value[],
  taken: ReadonlySet<Value> = new Set()
): Record<string, Value> {
  const all = new Set(taken)
  const regions: Record<string, Value> = {}
  for (const [index, { name }] of outputs.entries()) {
    const own = ownStorage(values[index]!, all)
    all.add(own)
    regions[name] = own
  }
  return regions
}

function* inferenceGraph(
  description: ModelDescription,
  forms: readonly OutputForm[] = []
): Sliced<{ graph: Graph; outputs: readonly Value[] }> {
  const trace = traceModel(description.root, description.inputs, { training: false, key: [0, 0] })
  const outputs = trace.outputs.map(({ value }, index) => (forms[index] === 'probabilities' ? probabilities(value) : value))
  yield
  const fused = fuse(trace.graph, outputs, 'inference')
  yield
  return { graph: fused.graph, outputs: outputs.map(fused.find) }
}
