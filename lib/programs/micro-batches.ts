import type { Graph, Node, Value } from '../graph/graph.js'
import type { KernelCall, Program, ScalarReference } from '../graph/program.js'
import { kernelSpecs } from '../kernels/table.js'
import { Binary, Unary } from '../kernels/types.js'
import type { Dimension } from '../shape.js'

// A step whose rows go through in parts of a fixed size, so that it needs the scratch of one part: its gradient is the
// sum of theirs, each by its share of the rows.

/** Operations that compute each row of their outputs from the same row of what has rows. */
const rowOperations: ReadonlySet<string> = new Set([
  ...Object.keys(Unary),
  ...Object.keys(Binary),
  'activation',
  'add',
  'addBias',
  'batchMatmul',
  'checkFinite',
  'checkFractions',
  'concat',
  'dropout',
  'elementLoss',
  'gather',
  'layerNorm',
  'matmul',
  'oneHot',
  'reduce',
  'reshape',
  'scaleColumns',
  'slice',
  'softLabelCrossEntropy',
  'softmax',
  'softmaxCrossEntropy',
  'squaredError',
  'stopGradient',
  'transpose',
  'where'
])

/** Operations by which the loss of the batch comes from the losses of its rows: linear in them. */
const meanOperations: ReadonlySet<string> = new Set(['add', 'scaleColumns', 'reshape', 'checkFinite'])

/**
 * Whether the loss is a mean of what each row gives for itself. Only what is known to be so counts: statistics over the
 * batch, weights of rows and operations of one's own do not.
 */
export function splitsByRows(graph: Graph): boolean {
  /** One number for the whole batch, made from its rows. */
  const ofBatch = new Set<Value>()
  for (const node of graph.nodes) {
    const inputs = node.inputs.filter((input): input is Value => input !== null)
    const rows = inputs.filter(hasRows)
    const joint = inputs.some((input) => ofBatch.has(input))
    if (rows.length === 0 && !joint) continue
    if (node.operation.commits || (rows.length > 0 && joint)) return false
    if (joint ? !meanOperations.has(node.operation.name) : !staysInRows(node, rows) && !isMean(node)) return false
    if (joint || isMean(node)) for (const output of node.outputs) ofBatch.add(output)
  }
  return true
}

/** Whether its size depends on the batch. */
function hasRows({ shape }: Value): boolean {
  return shape.some((dimension) => typeof dimension !== 'number')
}

/** As many for each row of the batch, one row's after the other's. */
const isOfRows = (dimension: Dimension | undefined): boolean =>
  typeof dimension === 'object' && dimension.constant === 0 && dimension.terms.batch! >= 1 && Object.keys(dimension.terms).length === 1

/** The rows' dimension comes first, and alone. */
function rowsFirst({ shape }: Value): boolean {
  return isOfRows(shape[0]) && shape.slice(1).every((dimension) => typeof dimension === 'number')
}

function staysInRows(node: Node, rows: readonly Value[]): boolean {
  const { name } = node.operation
  if (!rowOperations.has(name) || !rows.every(rowsFirst)) return false
  // The last dimensions are normalized: all of them would be the batch too.
  if (name === 'softmax' && rows[0]!.shape.length < 2) return false
  if (name === 'layerNorm' && rows[0]!.shape.length <= node.attributes.dimensions) return false
  // Weights have no rows; x · y of two batches has sums over rows.
  if (name === 'matmul' && (rows.length !== 1 || node.inputs[0] !== rows[0])) return false
  // Rows that are looked up by numbers in the same batch may lie in another part of it.
  if (name === 'gather' && rows.length !== 1) return false
  // What is joined, cut or moved along the first dimension is whole rows, of which others become.
  if ((name === 'concat' || name === 'slice') && node.attributes.axis === 0) return false
  if (name === 'transpose' && node.attributes.permutation[0] !== 0) return false
  // The mask of a dropout holds bits of several rows in a byte; its parts begin at whole bytes.
  return node.outputs.every((output) => rowsFirst(output) || output.dtype === 'uint8')
}

function isMean({ operation, attributes, inputs, outputs }: Node): boolean {
  const [x] = inputs
  const isReduction = operation.name === 'reduce' && attributes.operation === 'mean' && x?.shape.length === 1
  return isReduction && rowsFirst(x!) && outputs[0]!.shape.length === 1 && outputs[0]!.shape[0] === 1
}

/** Rows of a part: with dropout whole bytes of mask bits, so that a part's first element begins a block of eight. */
export function microBatchRows(graph: Graph, batchSize: number): number {
  const drops = graph.nodes.some(({ operation }) => operation.name === 'dropout')
  return drops ? Math.max(8, batchSize - (batchSize % 8)) : batchSize
}

/** The Program with dropouts that count their elements over the whole batch, by slots of their own. */
export function withFirstBlocks(program: Program): { readonly program: Program; readonly dropouts: readonly number[] } {
  const dropouts: number[] = []
  const slots = [...program.slots]
  const slotOf = (elements: number): number => {
    if (!dropouts.includes(elements)) {
      dropouts.push(elements)
      slots.push(`firstBlock.${elements}`)
    }
    return slots.indexOf(`firstBlock.${elements}`)
  }
  const counted = (call: KernelCall): KernelCall => {
    const at = kernelSpecs[call.kernel].scalars.indexOf('firstBlock')
    if (at < 0) return call
    const count = call.dims[0] as Exclude<Dimension, number>
    const scalars: ScalarReference[] = [...call.scalars]
    scalars[at] = { slot: slotOf(count.terms.batch!) }
    return { ...call, scalars }
  }
  const segments = program.segments.map((segment) => ({ ...segment, calls: segment.calls.map(counted) }))
  return { program: { ...program, slots, segments }, dropouts }
}
