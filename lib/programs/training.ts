import { differentiate } from '../graph/differentiate.js'
import type { Graph, Value } from '../graph/graph.js'
import { storageOf } from '../graph/lower.js'
import type { Placement } from '../graph/lowering.js'
import { planStages } from '../graph/plan.js'
import { traceModel } from '../layers/trace.js'
import { add } from '../ops/add.js'
import { type BatchNormAttributes, batchNormOperation, valuesPerChannel } from '../ops/batch-norm.js'
import { copy } from '../ops/copy.js'
import { fill } from '../ops/fill.js'
import { fuse } from '../ops/fusion.js'
import { evaluateDimension } from '../shape.js'
import { finish, type Sliced } from '../sliced.js'
import { accumulating, microBatchSymbols, partialGradients, partialRegion, shareSlot } from './accumulate.js'
import { weightInput } from './loss.js'
import { microBatchRows, splitsByRows, withFirstBlocks } from './micro-batches.js'
import { objectivesOf, totalLoss } from './objectives.js'
import { batchSymbol, modelPlacements, modelRegions } from './regions.js'
import type { ModelDescription, ParameterSpec, TrainingOptions, TrainingProgram } from './types.js'
import { optimizerSegments, stateRegions, updateCalls, updateRegions } from './update.js'

/**
 * The Program of a training step: forward, loss, backward, then, if everything is finite, running statistics and
 * the optimizer's update. Slots: `step` and what the optimizer's `stepValues` gives; it reports `loss`, and where rows
 * have weights their sum, `weight`.
 */
export function trainingProgram(description: ModelDescription, options: TrainingOptions): TrainingProgram {
  return finish(trainingStages(description, options))
}

export function* trainingStages(description: ModelDescription, options: TrainingOptions): Sliced<TrainingProgram> {
  const { graph, loss, reports, microBatch } = yield* traceLoss(description, options)
  yield
  const trained = description.parameters.filter(({ name }) => !options.frozen?.has(name))
  const values = trained.map(({ name }) => graph.parameters.get(name)!)
  const gradients = differentiate(graph, loss, values, {
    one: (target) => target.labelled('loss', () => fill(target, [1], microBatch === undefined ? 1 : { slot: shareSlot })),
    sum: add
  })
  const segments = optimizerSegments(description, trained, options.optimizer)
  const update = updateCalls(description, trained, options.optimizer, segments)
  const program = yield* planStages({
    graph,
    symbols: microBatch === undefined ? batchSymbol(options.maxBatch) : microBatchSymbols(microBatch),
    slots: ['step', ...Object.keys(options.optimizer.stepValues(0)), ...(microBatch === undefined ? [] : [shareSlot])],
    regions: [
      ...modelRegions(description),
      ...updateRegions(description, options.optimizer, segments),
      ...(microBatch === undefined ? [] : [partialRegion(description)])
    ],
    given: modelPlacements(graph, description),
    targets: gradientPlacements(trained, values, gradients, microBatch === undefined ? 'gradients' : partialGradients),
    reports,
    after: microBatch === undefined ? update : accumulating(description, update)
  })
  const states = Object.fromEntries(stateRegions(description, options.optimizer).map(({ name, bytes }) => [name, bytes]))
  const shared = { segments, states, minimumBatch: minimumBatch(graph) }
  if (microBatch === undefined) return { program, ...shared }
  const counted = withFirstBlocks(program)
  return { program: counted.program, ...shared, microBatches: { rows: microBatch, dropouts: counted.dropouts } }
}

interface TracedLoss {
  readonly graph: Graph
  readonly loss: Value
  readonly reports: Readonly<Record<string, Value>>
  /** Rows of a part, where the batch is to go through in parts and may. */
  readonly microBatch: number | undefined
}

function* traceLoss(description: ModelDescription, options: TrainingOptions): Sliced<TracedLoss> {
  const trace = traceModel(description.root, description.inputs, { training: true, key: options.key })
  const outputs = trace.outputs.map(({ value }) => value)
  const sampleWeight = options.sampleWeight ? weightInput(trace.graph, outputs[0]!.shape[0]!) : null
  const { loss, reports } = totalLoss(trace.graph, outputs, objectivesOf(description, options.loss, options.lossWeights), sampleWeight)
  const splits = options.microBatch !== undefined && splitsByRows(trace.graph)
  const microBatch = splits ? microBatchRows(trace.graph, options.microBatch!) : undefined
  yield
  if (options.fuse === false) return { graph: trace.graph, loss, reports, microBatch }
  const fused = fuse(trace.graph, Object.values(reports), 'training')
  const found = Object.entries(reports).map(([name, value]) => [name, fused.find(value)])
  return { graph: fused.graph, loss: fused.find(loss), reports: Object.fromEntries(found), microBatch }
}

function gradientPlacements(
  trained: readonly ParameterSpec[],
  values: readonly Value[],
  gradients: ReadonlyMap<Value, Value>,
  region: string
): Map<Value, Placement> {
  const places = new Map<Value, Placement>()
  for (const [index, { offset }] of trained.entries()) {
    const gradient = gradients.get(values[index]!)
    if (!gradient) continue
    const whole = storageOf(gradient)
    const own = whole.source.kind === 'node' && !places.has(whole) ? whole : copy(gradient)
    places.set(own, { region, offset: offset * 4 })
  }
  return places
}

function minimumBatch(graph: Graph): number {
  let least = 1
  for (const { operation, inputs, attributes } of graph.nodes) {
    if (operation !== batchNormOperation) continue
    const values = valuesPerChannel(inputs[0]!.shape, (attributes as BatchNormAttributes).axis)
    if (evaluateDimension(values, { batch: 1 }) < 2) least = 2
  }
  return least
}
