import type { DType, ElementsRule, KernelSpec, OperandSpec } from './types.js'

/**
 * One entry a kernel: operands with their sizes, dims and scalars by name. The native addon holds the same
 * table (`native/kernels/table.cc`), and a test holds the two side by side.
 *
 * Scalars shared by kernels:
 * - `activation` (code of types.ts) and `slope` (of leaky relu);
 * - the dropout group `threshold, keyLow, keyHigh, repeat, step, stream, firstBlock`: threshold 0 means none
 *   (the mask operand is then null); elements are counted from 8 · firstBlock.
 */
type Operand = OperandSpec & { readonly elements: ElementsRule }

const read = (name: string, elements: ElementsRule, dtype: DType = 'float32'): Operand => ({ name, dtype, access: 'read', elements })
const optional = (name: string, elements: ElementsRule, dtype: DType = 'float32'): Operand => ({
  name,
  dtype,
  access: 'read',
  optional: true,
  elements
})
const write = (name: string, elements: ElementsRule, dtype: DType = 'float32', inPlaceOf?: string): Operand =>
  inPlaceOf === undefined ? { name, dtype, access: 'write', elements } : { name, dtype, access: 'write', elements, inPlaceOf }
const optionalWrite = (name: string, elements: ElementsRule, dtype: DType = 'float32'): Operand => ({
  name,
  dtype,
  access: 'write',
  optional: true,
  elements
})
const update = (name: string, elements: ElementsRule, dtype: DType = 'float32'): Operand => ({ name, dtype, access: 'readwrite', elements })
const optionalUpdate = (name: string, elements: ElementsRule, dtype: DType = 'float32'): Operand => ({
  name,
  dtype,
  access: 'readwrite',
  optional: true,
  elements
})

/** Element rules. Positions are those of `dims`. */
const dim =
  (index: number): ElementsRule =>
  (dims) =>
    dims[index]!
const product =
  (...indices: number[]): ElementsRule =>
  (dims) =>
    indices.reduce((total, index) => total * dims[index]!, 1)
/** One bit an element, whole bytes. */
const maskBytes =
  (...indices: number[]): ElementsRule =>
  (dims) =>
    Math.ceil(product(...indices)(dims, []) / 8)
/** Batches of an operand that lacks the dimensions whose bits are set. */
const batchesOf = (dims: readonly number[], lacking: number): number =>
  [0, 1, 2].reduce((count, dim) => ((lacking >> dim) & 1 ? count : count * dims[dim]!), 1)
/** Rows of before + length + after elements. */
const wholeRows: ElementsRule = (dims) => dims[0]! * (dims[1]! + dims[2]! + dims[3]!)
const one: ElementsRule = () => 1
/** An element-wise operand: bit k of scalar `mask` says that it has one element along dim k. */
const broadcast =
  (mask: number): ElementsRule =>
  (dims, scalars) =>
    dims.reduce((total, size, k) => ((scalars[mask]! >> k) & 1 ? total : total * size), 1)
const two: ElementsRule = () => 2

/** Columns of the optimizers' segment table (float64): one row a parameter, in the order of the flat region. */
export const segmentColumns = ['start', 'length', 'rateFactor', 'weightDecay', 'maxNorm', 'rowLength'] as const
/** Numbers that one `literal` writes. */
export const literalNumbers = 8
/** The widest panel any instruction set packs; a packed operand has n rounded up to it. */
export const packedPanel = 64

const dropoutScalars = ['threshold', 'keyLow', 'keyHigh', 'repeat', 'step', 'stream', 'firstBlock'] as const
/** Outermost first, 1 where there are fewer. */
const broadcastDims = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5'] as const
const sgdScalars = ['learningRate', 'momentum', 'nesterov'] as const
const adamScalars = ['learningRate', 'a', 'b', 'beta1', 'beta2', 'epsilon', 'decoupled'] as const
const segmentElements: ElementsRule = (dims) => dims[1]! * segmentColumns.length
const bnDims = ['outer', 'channels', 'inner'] as const
const bnAll = product(0, 1, 2)
const channels = dim(1)

export const kernelTable = [
  // ---- element-wise -------------------------------------------------------------------------------------------
  {
    name: 'add', // out = a + b
    operands: [write('out', dim(0), 'float32', 'a'), read('a', dim(0)), read('b', dim(0))],
    dims: ['count'],
    scalars: []
  },
  {
    name: 'elementwiseBinary', // out = operation(a, b), by the code of types.ts; each repeated along the dims of its mask; the number where it is null
    operands: [write('out', product(0, 1, 2, 3, 4, 5), 'float32', 'a'), optional('a', broadcast(1)), optional('b', broadcast(2))],
    dims: broadcastDims,
    scalars: ['operation', 'maskA', 'maskB', 'numberA', 'numberB']
  },
  {
    name: 'elementwiseUnary', // out = operation(x), by the code of types.ts and a parameter where it has one
    operands: [write('out', dim(0), 'float32', 'x'), read('x', dim(0))],
    dims: ['count'],
    scalars: ['operation', 'parameter']
  },
  {
    name: 'elementwiseWhere', // out = condition ≠ 0 ? a : b, with masks and numbers as elementwiseBinary
    operands: [
      write('out', product(0, 1, 2, 3, 4, 5), 'float32', 'condition'),
      read('condition', broadcast(0)),
      optional('a', broadcast(1)),
      optional('b', broadcast(2))
    ],
    dims: broadcastDims,
    scalars: ['maskCondition', 'maskA', 'maskB', 'numberA', 'numberB']
  },
  {
    name: 'addBias', // out[r, c] = x[r, c] + bias[c]
    operands: [write('out', product(0, 1), 'float32', 'x'), read('x', product(0, 1)), read('bias', dim(1))],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'scaleColumns', // out[r, c] = x[r, c] · scale[c]
    operands: [write('out', product(0, 1), 'float32', 'x'), read('x', product(0, 1)), read('scale', dim(1))],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'sumRows', // out[c] = Σ_r x[r, c], float64 across fixed blocks of rows: the gradient of a bias
    operands: [write('out', dim(1)), read('x', product(0, 1))],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'reduce', // out[o, m, i] = operation (code of types.ts) over f and s of x[o, f, m, s, i], float64 across fixed groups
    operands: [write('out', product(0, 2, 4)), read('x', product(0, 1, 2, 3, 4))],
    dims: ['outer', 'first', 'middle', 'second', 'inner'],
    scalars: ['operation']
  },
  {
    name: 'reduceBackward', // dx[o, f, m, s, i] = dy[o, m, i], for a mean divided by first · second
    operands: [write('dx', product(0, 1, 2, 3, 4)), read('dy', product(0, 2, 4))],
    dims: ['outer', 'first', 'middle', 'second', 'inner'],
    scalars: ['operation']
  },
  // ---- moving elements ----------------------------------------------------------------------------------------
  {
    name: 'permute', // output dimension i is dimension permutation[i] of x
    operands: [write('out', product(0, 1, 2, 3, 4, 5)), read('x', product(0, 1, 2, 3, 4, 5))],
    dims: ['dim0', 'dim1', 'dim2', 'dim3', 'dim4', 'dim5'],
    scalars: ['permutation0', 'permutation1', 'permutation2', 'permutation3', 'permutation4', 'permutation5']
  },
  {
    name: 'slice', // out[outer, length] = the middle of x[outer, before + length + after]
    operands: [write('out', product(0, 2)), read('x', wholeRows)],
    dims: ['outer', 'before', 'length', 'after'],
    scalars: []
  },
  {
    name: 'place', // the middle of out[outer, before + length + after] = x[outer, length]; what lies around it stays
    operands: [update('out', wholeRows), read('x', product(0, 2))],
    dims: ['outer', 'before', 'length', 'after'],
    scalars: []
  },
  {
    name: 'gather', // out[o, j, i] = x[o, indices[j], i]
    operands: [write('out', product(0, 3, 2)), read('x', product(0, 1, 2)), read('indices', dim(3), 'int32')],
    dims: ['outer', 'size', 'inner', 'count'],
    scalars: []
  },
  {
    name: 'gatherBackward', // dx[o, s, i] = Σ dy[o, j, i] over the j with indices[j] = s, in the order of j
    operands: [write('dx', product(0, 1, 2)), read('dy', product(0, 3, 2)), read('indices', dim(3), 'int32')],
    dims: ['outer', 'size', 'inner', 'count'],
    scalars: []
  },
  {
    name: 'oneHot', // out[j, c] = 1 where c = indices[j], else 0
    operands: [write('out', product(0, 1)), read('indices', dim(0), 'int32')],
    dims: ['count', 'classes'],
    scalars: []
  },
  {
    name: 'fill', // out[i] = value
    operands: [write('out', dim(0))],
    dims: ['count'],
    scalars: ['value']
  },
  {
    name: 'literal', // out[start + i] = value_i for i < length; what lies around stays
    operands: [update('out', dim(0))],
    dims: ['count', 'start', 'length'],
    scalars: ['value0', 'value1', 'value2', 'value3', 'value4', 'value5', 'value6', 'value7']
  },
  {
    name: 'activationForward', // y = activation(x)
    operands: [write('y', dim(0), 'float32', 'x'), read('x', dim(0))],
    dims: ['count'],
    scalars: ['activation', 'slope']
  },
  {
    name: 'activationBackward', // dx = dy · activation'(x), the derivative taken from the output y
    operands: [write('dx', dim(0), 'float32', 'dy'), read('dy', dim(0)), read('y', dim(0))],
    dims: ['count'],
    scalars: ['activation', 'slope']
  },
  // ---- matmul -------------------------------------------------------------------------------------------------
  {
    name: 'matmul', // out[m, n] = activation((Σ_k A[m, k] · aScale[k] · B[k, n]) · scale[n] + bias[n])
    // transposeA: a is stored [k, m]; layoutB 0: b is [k, n], 1: b is [n, k], 2: what matmulPack made
    operands: [
      write('out', product(0, 1)),
      read('a', product(0, 2)),
      read('b', (dims, scalars) => (scalars[1] === 2 ? Math.ceil(dims[1]! / packedPanel) * packedPanel : dims[1]!) * dims[2]!),
      optional('bias', dim(1)),
      optional('scale', dim(1)),
      optional('aScale', dim(2))
    ],
    dims: ['m', 'n', 'k'],
    scalars: ['transposeA', 'layoutB', 'activation', 'slope']
  },
  {
    name: 'batchMatmul', // out[b0, b1, b2, m, n] = Σ_k A[b, m, k] · B[b, k, n]
    // transposeA: a is stored [..., k, m]; transposeB: b is stored [..., n, k]; bit i of lackingA: a has no dimension b_i
    operands: [
      write('out', product(0, 1, 2, 3, 4)),
      read('a', (dims, scalars) => batchesOf(dims, scalars[2]!) * dims[3]! * dims[5]!),
      read('b', (dims, scalars) => batchesOf(dims, scalars[3]!) * dims[4]! * dims[5]!)
    ],
    dims: ['batch0', 'batch1', 'batch2', 'm', 'n', 'k'],
    scalars: ['transposeA', 'transposeB', 'lackingA', 'lackingB']
  },
  {
    name: 'matmulPack', // packed = b in the order in which matmul reads it on this instruction set; layoutB 0 or 1
    operands: [write('packed', (dims) => Math.ceil(dims[0]! / packedPanel) * packedPanel * dims[1]!), read('b', product(0, 1))],
    dims: ['n', 'k'],
    scalars: ['layoutB']
  },
  // ---- batch normalization over [outer, channels, inner] --------------------------------------------------------
  {
    name: 'batchNormStats',
    operands: [
      write('mean', channels),
      write('meanLow', channels),
      write('variance', channels),
      write('invStd', channels),
      read('x', bnAll)
    ],
    dims: bnDims,
    scalars: ['epsilon']
  },
  {
    name: 'batchNormApply', // y = dropout(activation(((x − mean) − meanLow) · (gamma · invStd) + beta))
    operands: [
      write('y', bnAll, 'float32', 'x'),
      optionalWrite('mask', maskBytes(0, 1, 2), 'uint8'),
      read('x', bnAll),
      read('mean', channels),
      optional('meanLow', channels),
      read('invStd', channels),
      optional('gamma', channels),
      optional('beta', channels)
    ],
    dims: bnDims,
    scalars: ['activation', 'slope', ...dropoutScalars]
  },
  {
    name: 'batchNormForward', // batchNormStats, then batchNormApply
    operands: [
      write('y', bnAll),
      optionalWrite('mask', maskBytes(0, 1, 2), 'uint8'),
      write('mean', channels),
      write('meanLow', channels),
      write('variance', channels),
      write('invStd', channels),
      read('x', bnAll),
      optional('gamma', channels),
      optional('beta', channels)
    ],
    dims: bnDims,
    scalars: ['epsilon', 'activation', 'slope', ...dropoutScalars]
  },
  {
    name: 'batchNormBackwardReduce', // dGamma = Σ dz · x̂, dBeta = Σ dz, with dz = dy through dropout and activation
    operands: [
      write('dGamma', channels),
      write('dBeta', channels),
      optional('mask', maskBytes(0, 1, 2), 'uint8'),
      read('dy', bnAll),
      read('x', bnAll),
      read('mean', channels),
      optional('meanLow', channels),
      read('invStd', channels),
      optional('gamma', channels),
      optional('beta', channels)
    ],
    dims: bnDims,
    scalars: ['activation', 'slope', 'threshold']
  },
  {
    name: 'batchNormBackwardApply', // dx = scale · (dz − dBeta/m − x̂ · dGamma/m); running 1: dx = scale · dz
    operands: [
      write('dx', bnAll, 'float32', 'dy'),
      optional('mask', maskBytes(0, 1, 2), 'uint8'),
      read('dy', bnAll),
      read('x', bnAll),
      read('mean', channels),
      optional('meanLow', channels),
      read('invStd', channels),
      optional('gamma', channels),
      optional('beta', channels),
      read('dGamma', channels),
      read('dBeta', channels)
    ],
    dims: bnDims,
    scalars: ['activation', 'slope', 'threshold', 'running']
  },
  {
    name: 'batchNormBackward', // batchNormBackwardReduce, then batchNormBackwardApply with running 0
    operands: [
      write('dx', bnAll, 'float32', 'dy'),
      write('dGamma', channels),
      write('dBeta', channels),
      optional('mask', maskBytes(0, 1, 2), 'uint8'),
      read('dy', bnAll),
      read('x', bnAll),
      read('mean', channels),
      optional('meanLow', channels),
      read('invStd', channels),
      optional('gamma', channels),
      optional('beta', channels)
    ],
    dims: bnDims,
    scalars: ['activation', 'slope', 'threshold']
  },
  {
    name: 'batchNormInvStd', // invStd = 1/√(variance + epsilon), in float64, rounded once
    operands: [write('invStd', dim(0)), read('variance', dim(0))],
    dims: ['channels'],
    scalars: ['epsilon']
  },
  {
    name: 'batchNormRunning', // running ← running + (1 − decay)·(batch − running), variance · m/(m − 1); batches + 1
    operands: [
      update('runningMean', channels),
      update('runningVariance', channels),
      optionalUpdate('batches', one, 'float64'),
      read('mean', channels),
      optional('meanLow', channels),
      read('variance', channels)
    ],
    dims: bnDims,
    scalars: ['decay']
  },
  {
    name: 'batchNormFold', // (acc·scaleIn + biasIn) normalized = acc·scale + bias, in float64, rounded once
    operands: [
      write('scale', dim(0)),
      write('bias', dim(0)),
      read('mean', dim(0)),
      read('variance', dim(0)),
      optional('gamma', dim(0)),
      optional('beta', dim(0)),
      optional('scaleIn', dim(0)),
      optional('biasIn', dim(0))
    ],
    dims: ['channels'],
    scalars: ['epsilon']
  },
  // ---- layer normalization, by row --------------------------------------------------------------------------------
  {
    name: 'layerNormForward', // y = x̂ · gamma + beta, x̂ = ((x − mean) − meanLow) · invStd, invStd = 1/√(variance + epsilon)
    operands: [
      write('y', product(0, 1)),
      write('mean', dim(0)),
      write('meanLow', dim(0)),
      write('invStd', dim(0)),
      read('x', product(0, 1)),
      optional('gamma', dim(1)),
      optional('beta', dim(1))
    ],
    dims: ['rows', 'columns'],
    scalars: ['epsilon']
  },
  {
    name: 'layerNormBackward', // dx = invStd · ((g − Σ g/columns) − x̂ · Σ g·x̂/columns), g = dy · gamma
    operands: [
      write('dx', product(0, 1), 'float32', 'dy'),
      read('dy', product(0, 1)),
      read('x', product(0, 1)),
      read('mean', dim(0)),
      read('meanLow', dim(0)),
      read('invStd', dim(0)),
      optional('gamma', dim(1))
    ],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'layerNormBackwardReduce', // dGamma[c] = Σ_r dy · x̂, dBeta[c] = Σ_r dy
    operands: [
      write('dGamma', dim(1)),
      write('dBeta', dim(1)),
      read('dy', product(0, 1)),
      read('x', product(0, 1)),
      read('mean', dim(0)),
      read('meanLow', dim(0)),
      read('invStd', dim(0))
    ],
    dims: ['rows', 'columns'],
    scalars: []
  },
  // ---- dropout --------------------------------------------------------------------------------------------------
  {
    name: 'dropoutForward', // y = kept ? x · 65536/(65536 − threshold) : 0
    operands: [write('y', dim(0), 'float32', 'x'), write('mask', maskBytes(0), 'uint8'), read('x', dim(0))],
    dims: ['count'],
    scalars: dropoutScalars
  },
  {
    name: 'dropoutBackward', // dx = kept ? dy · 65536/(65536 − threshold) : 0
    operands: [write('dx', dim(0), 'float32', 'dy'), read('dy', dim(0)), read('mask', maskBytes(0), 'uint8')],
    dims: ['count'],
    scalars: ['threshold']
  },
  // ---- weight normalization, one norm a row ---------------------------------------------------------------------
  {
    name: 'weightNormForward', // w = (g/‖v‖) · v
    operands: [write('w', product(0, 1)), write('norm', dim(0)), read('v', product(0, 1)), read('g', dim(0))],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'weightNormScale', // scale = g/‖v‖, 0 for a row of zeros
    operands: [write('scale', dim(0)), write('norm', dim(0)), read('v', product(0, 1)), read('g', dim(0))],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'weightNormBackward', // dg = (v/‖v‖)·dw; dv = (g/‖v‖)·(dw − (v/‖v‖)·dg)
    operands: [
      write('dv', product(0, 1), 'float32', 'dw'),
      write('dg', dim(0)),
      read('dw', product(0, 1)),
      read('v', product(0, 1)),
      read('g', dim(0)),
      read('norm', dim(0))
    ],
    dims: ['rows', 'columns'],
    scalars: []
  },
  // ---- softmax by rows --------------------------------------------------------------------------------------------
  {
    name: 'softmaxForward', // y = exp(x − max) / Σ exp(x − max); log 1: y = (x − max) − log Σ exp(x − max)
    operands: [write('y', product(0, 1), 'float32', 'x'), read('x', product(0, 1))],
    dims: ['rows', 'columns'],
    scalars: ['log']
  },
  {
    name: 'softmaxBackward', // dx = y · (dy − Σ y·dy); log 1: dx = dy − exp(y) · Σ dy
    operands: [write('dx', product(0, 1), 'float32', 'dy'), read('dy', product(0, 1)), read('y', product(0, 1))],
    dims: ['rows', 'columns'],
    scalars: ['log']
  },
  // ---- losses, one value a row ----------------------------------------------------------------------------------
  {
    // rowLoss[r] = logSumExp[r] + (1 − smoothing) · (max[r] − logits[r, labels[r]]) + smoothing · Σ_c (max[r] − logits[r, c]) / classes;
    // logSumExp is that of logits − max. A row whose label is `ignored` (noneIgnored: none is) has the loss 0
    name: 'softmaxCrossEntropyForward',
    operands: [write('rowLoss', dim(0)), write('logSumExp', dim(0)), read('logits', product(0, 1)), read('labels', dim(0), 'int32')],
    dims: ['rows', 'classes'],
    scalars: ['smoothing', 'ignored']
  },
  {
    // dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) − (1 − smoothing) · [c = labels[r]] − smoothing / classes)
    name: 'softmaxCrossEntropyBackward',
    operands: [
      write('dLogits', product(0, 1)),
      read('logSumExp', dim(0)),
      read('dRowLoss', dim(0)),
      read('logits', product(0, 1)),
      read('labels', dim(0), 'int32')
    ],
    dims: ['rows', 'classes'],
    scalars: ['smoothing', 'ignored']
  },
  {
    name: 'softLabelCrossEntropyForward', // rowLoss[r] = Σ_c t · (logSumExp[r] + max[r] − logits[r, c]), t = (1 − smoothing) · target + smoothing / classes
    operands: [write('rowLoss', dim(0)), write('logSumExp', dim(0)), read('logits', product(0, 1)), read('target', product(0, 1))],
    dims: ['rows', 'classes'],
    scalars: ['smoothing']
  },
  {
    name: 'softLabelCrossEntropyBackward', // dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) · Σ t − t)
    operands: [
      write('dLogits', product(0, 1)),
      read('logSumExp', dim(0)),
      read('dRowLoss', dim(0)),
      read('logits', product(0, 1)),
      read('target', product(0, 1))
    ],
    dims: ['rows', 'classes'],
    scalars: ['smoothing']
  },
  {
    name: 'squaredErrorForward', // rowLoss[r] = Σ_c (prediction − target)² / columns
    operands: [write('rowLoss', dim(0)), read('prediction', product(0, 1)), read('target', product(0, 1))],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    name: 'squaredErrorBackward', // dPrediction = dRowLoss[r] · 2 · (prediction − target) / columns
    operands: [
      write('dPrediction', product(0, 1)),
      read('dRowLoss', dim(0)),
      read('prediction', product(0, 1)),
      read('target', product(0, 1))
    ],
    dims: ['rows', 'columns'],
    scalars: []
  },
  {
    // rowLoss[r] = Σ_c loss(prediction, target) / columns; `loss` is a code of types.ts. absolute: |p − t|; huber with delta =
    // parameter; binaryCrossEntropy of logits with positiveWeight = parameter
    name: 'elementLossForward',
    operands: [write('rowLoss', dim(0)), read('prediction', product(0, 1)), read('target', product(0, 1))],
    dims: ['rows', 'columns'],
    scalars: ['loss', 'parameter']
  },
  {
    name: 'elementLossBackward', // dPrediction = dRowLoss[r] / columns · d loss / d prediction
    operands: [
      write('dPrediction', product(0, 1)),
      read('dRowLoss', dim(0)),
      read('prediction', product(0, 1)),
      read('target', product(0, 1))
    ],
    dims: ['rows', 'columns'],
    scalars: ['loss', 'parameter']
  },
  {
    name: 'labelWeight', // weight[r] = classWeight[labels[r]], 1 without; 0 for a label that is `ignored`
    operands: [write('weight', dim(0)), read('labels', dim(0), 'int32'), optional('classWeight', dim(1))],
    dims: ['rows', 'classes'],
    scalars: ['ignored']
  },
  {
    name: 'weightedMeanForward', // mean = Σ w·values / Σ w, total = Σ w, with w = weight · factor; a total of 0 gives the mean 0
    operands: [write('mean', one), write('total', one), read('values', dim(0)), read('weight', dim(0)), optional('factor', dim(0))],
    dims: ['rows'],
    scalars: []
  },
  {
    name: 'weightedMeanBackward', // dValues = dMean / total · w; 0 for a total of 0
    operands: [write('dValues', dim(0)), read('dMean', one), read('total', one), read('weight', dim(0)), optional('factor', dim(0))],
    dims: ['rows'],
    scalars: []
  },
  // ---- checks: nothing is written, the status says ----------------------------------------------------------------
  { name: 'checkFinite', operands: [read('x', dim(0))], dims: ['count'], scalars: [] },
  { name: 'checkLabels', operands: [read('labels', dim(0), 'int32')], dims: ['count', 'classes'], scalars: ['ignored'] },
  { name: 'checkFractions', operands: [read('x', product(0, 1))], dims: ['rows', 'columns'], scalars: ['rowSums'] },
  // ---- optimizers over the flat parameters; `segments` rows are segmentColumns -------------------------------------
  // What the checks answer for: no gradient in a segment that is not finite (nonFinite), and nothing after the update
  // (overflow). `largest` bounds |velocity|, or |firstMoment| and |secondMoment|; without it they are read.
  {
    name: 'checkSgdUpdate',
    operands: [
      read('parameters', dim(0)),
      optional('velocity', dim(0)),
      optional('largest', one),
      read('gradients', dim(0)),
      read('segments', segmentElements, 'float64')
    ],
    dims: ['count', 'segments'],
    scalars: sgdScalars
  },
  {
    name: 'checkAdamUpdate',
    operands: [
      read('parameters', dim(0)),
      read('firstMoment', dim(0)),
      read('secondMoment', dim(0)),
      optional('largest', two),
      read('gradients', dim(0)),
      read('segments', segmentElements, 'float64')
    ],
    dims: ['count', 'segments'],
    scalars: adamScalars
  },
  {
    name: 'sgdUpdate', // u ← μu + (g + λp); p ← p − lr·u, or with nesterov 1: p ← p − lr·((g + λp) + μu); largest ← max(largest, |u|)
    operands: [
      update('parameters', dim(0)),
      optionalUpdate('velocity', dim(0)),
      optionalUpdate('largest', one),
      read('gradients', dim(0)),
      read('segments', segmentElements, 'float64')
    ],
    dims: ['count', 'segments'],
    scalars: sgdScalars
  },
  {
    // m ← β₁m + (1−β₁)g; v ← β₂v + ((1−β₂)g)g; p ← p − (a·m)/(b√v + ε); decoupled 1: first p ← p·(1−lr·λ);
    // largest ← max(largest, [|m|, |v|])
    name: 'adamUpdate',
    operands: [
      update('parameters', dim(0)),
      update('firstMoment', dim(0)),
      update('secondMoment', dim(0)),
      optionalUpdate('largest', two),
      read('gradients', dim(0)),
      read('segments', segmentElements, 'float64')
    ],
    dims: ['count', 'segments'],
    scalars: adamScalars
  },
  {
    name: 'maxNorm', // rows longer than the segment's maxNorm are scaled onto it
    operands: [update('parameters', dim(0)), read('segments', segmentElements, 'float64')],
    dims: ['count', 'segments'],
    scalars: []
  },
  // ---- gradients before the update, of the segments only ------------------------------------------------------------
  {
    name: 'clipValue', // g ← min(max(g, −limit), limit); NaN stays
    operands: [update('gradients', dim(0)), read('segments', (dims) => dims[1]! * 6, 'float64')],
    dims: ['count', 'segments'],
    scalars: ['limit']
  },
  {
    name: 'clipNorm', // norm = √Σg² in float64; where it is finite and above limit, g ← g · round(limit/norm)
    operands: [write('norm', one), update('gradients', dim(0)), read('segments', (dims) => dims[1]! * 6, 'float64')],
    dims: ['count', 'segments'],
    scalars: ['limit']
  }
] as const satisfies readonly KernelSpec[]

export type KernelName = (typeof kernelTable)[number]['name']

export const kernelSpecs: Readonly<Record<KernelName, KernelSpec>> = Object.fromEntries(
  kernelTable.map((spec) => [spec.name, spec])
) as unknown as Record<KernelName, KernelSpec>
