import { activationBackward } from './activation-backward.js'
import { activationForward } from './activation-forward.js'
import { adamUpdate } from './adam-update.js'
import { add } from './add.js'
import { addBias } from './add-bias.js'
import { batchMatmul } from './batch-matmul.js'
import { batchNormApply } from './batch-norm-apply.js'
import { batchNormBackward } from './batch-norm-backward.js'
import { batchNormBackwardApply } from './batch-norm-backward-apply.js'
import { batchNormBackwardReduce } from './batch-norm-backward-reduce.js'
import { batchNormFold } from './batch-norm-fold.js'
import { batchNormForward } from './batch-norm-forward.js'
import { batchNormInvStd } from './batch-norm-inv-std.js'
import { batchNormRunning } from './batch-norm-running.js'
import { batchNormStats } from './batch-norm-stats.js'
import { checkAdamUpdate } from './check-adam-update.js'
import { checkFinite } from './check-finite.js'
import { checkFractions } from './check-fractions.js'
import { checkLabels } from './check-labels.js'
import { checkSgdUpdate } from './check-sgd-update.js'
import { clipNorm } from './clip-norm.js'
import { clipValue } from './clip-value.js'
import { dropoutBackward } from './dropout-backward.js'
import { dropoutForward } from './dropout-forward.js'
import { elementLossBackward } from './element-loss-backward.js'
import { elementLossForward } from './element-loss-forward.js'
import { elementwiseBinary } from './elementwise-binary.js'
import { elementwiseUnary } from './elementwise-unary.js'
import { elementwiseWhere } from './elementwise-where.js'
import { fill } from './fill.js'
import { gather } from './gather.js'
import { gatherBackward } from './gather-backward.js'
import { labelWeight } from './label-weight.js'
import { layerNormBackward } from './layer-norm-backward.js'
import { layerNormBackwardReduce } from './layer-norm-backward-reduce.js'
import { layerNormForward } from './layer-norm-forward.js'
import { literal } from './literal.js'
import { matmul } from './matmul.js'
import { matmulPack } from './matmul-pack.js'
import { maxNorm } from './max-norm.js'
import { oneHot } from './one-hot.js'
import { permute } from './permute.js'
import { place } from './place.js'
import { reduce } from './reduce.js'
import { reduceBackward } from './reduce-backward.js'
import { scaleColumns } from './scale-columns.js'
import { sgdUpdate } from './sgd-update.js'
import { slice } from './slice.js'
import { softLabelCrossEntropyBackward } from './soft-label-cross-entropy-backward.js'
import { softLabelCrossEntropyForward } from './soft-label-cross-entropy-forward.js'
import { softmaxBackward } from './softmax-backward.js'
import { softmaxCrossEntropyBackward } from './softmax-cross-entropy-backward.js'
import { softmaxCrossEntropyForward } from './softmax-cross-entropy-forward.js'
import { softmaxForward } from './softmax-forward.js'
import { squaredErrorBackward } from './squared-error-backward.js'
import { squaredErrorForward } from './squared-error-forward.js'
import { sumRows } from './sum-rows.js'
import type { KernelName } from './table.js'
import type { PortableKernel } from './types.js'
import { weightNormBackward } from './weight-norm-backward.js'
import { weightNormForward } from './weight-norm-forward.js'
import { weightNormScale } from './weight-norm-scale.js'
import { weightedMeanBackward } from './weighted-mean-backward.js'
import { weightedMeanForward } from './weighted-mean-forward.js'

/** Every kernel's TypeScript twin. */
export const portableKernels: Readonly<Record<KernelName, PortableKernel>> = {
  add,
  elementwiseBinary,
  elementwiseUnary,
  elementwiseWhere,
  addBias,
  scaleColumns,
  sumRows,
  reduce,
  reduceBackward,
  permute,
  slice,
  place,
  gather,
  gatherBackward,
  oneHot,
  fill,
  literal,
  activationForward,
  activationBackward,
  matmul,
  batchMatmul,
  matmulPack,
  batchNormStats,
  batchNormApply,
  batchNormForward,
  batchNormBackwardReduce,
  batchNormBackwardApply,
  batchNormBackward,
  batchNormInvStd,
  batchNormRunning,
  batchNormFold,
  layerNormForward,
  layerNormBackward,
  layerNormBackwardReduce,
  dropoutForward,
  dropoutBackward,
  weightNormForward,
  weightNormScale,
  weightNormBackward,
  softmaxForward,
  softmaxBackward,
  softmaxCrossEntropyForward,
  softmaxCrossEntropyBackward,
  softLabelCrossEntropyForward,
  softLabelCrossEntropyBackward,
  squaredErrorForward,
  squaredErrorBackward,
  elementLossForward,
  elementLossBackward,
  labelWeight,
  weightedMeanForward,
  weightedMeanBackward,
  checkFinite,
  checkLabels,
  checkFractions,
  checkSgdUpdate,
  checkAdamUpdate,
  sgdUpdate,
  adamUpdate,
  maxNorm,
  clipValue,
  clipNorm
}
