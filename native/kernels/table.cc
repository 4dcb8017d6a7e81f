// Every kernel, in the order of lib/kernels/table.ts.
#include "native/kernels/kernel.h"

namespace evenkeel {

extern const KernelEntry kAdd;
extern const KernelEntry kElementwiseBinary;
extern const KernelEntry kElementwiseUnary;
extern const KernelEntry kElementwiseWhere;
extern const KernelEntry kAddBias;
extern const KernelEntry kScaleColumns;
extern const KernelEntry kSumRows;
extern const KernelEntry kReduce;
extern const KernelEntry kReduceBackward;
extern const KernelEntry kPermute;
extern const KernelEntry kSlice;
extern const KernelEntry kPlace;
extern const KernelEntry kGather;
extern const KernelEntry kGatherBackward;
extern const KernelEntry kOneHot;
extern const KernelEntry kFill;
extern const KernelEntry kLiteral;
extern const KernelEntry kActivationForward;
extern const KernelEntry kActivationBackward;
extern const KernelEntry kMatmul;
extern const KernelEntry kBatchMatmul;
extern const KernelEntry kMatmulPack;
extern const KernelEntry kBatchNormStats;
extern const KernelEntry kBatchNormApply;
extern const KernelEntry kBatchNormForward;
extern const KernelEntry kBatchNormBackwardReduce;
extern const KernelEntry kBatchNormBackwardApply;
extern const KernelEntry kBatchNormBackward;
extern const KernelEntry kBatchNormInvStd;
extern const KernelEntry kBatchNormRunning;
extern const KernelEntry kBatchNormFold;
extern const KernelEntry kLayerNormForward;
extern const KernelEntry kLayerNormBackward;
extern const KernelEntry kLayerNormBackwardReduce;
extern const KernelEntry kDropoutForward;
extern const KernelEntry kDropoutBackward;
extern const KernelEntry kWeightNormForward;
extern const KernelEntry kWeightNormScale;
extern const KernelEntry kWeightNormBackward;
extern const KernelEntry kSoftmaxForward;
extern const KernelEntry kSoftmaxBackward;
extern const KernelEntry kSoftmaxCrossEntropyForward;
extern const KernelEntry kSoftmaxCrossEntropyBackward;
extern const KernelEntry kSoftLabelCrossEntropyForward;
extern const KernelEntry kSoftLabelCrossEntropyBackward;
extern const KernelEntry kSquaredErrorForward;
extern const KernelEntry kSquaredErrorBackward;
extern const KernelEntry kElementLossForward;
extern const KernelEntry kElementLossBackward;
extern const KernelEntry kLabelWeight;
extern const KernelEntry kWeightedMeanForward;
extern const KernelEntry kWeightedMeanBackward;
extern const KernelEntry kCheckFinite;
extern const KernelEntry kCheckLabels;
extern const KernelEntry kCheckFractions;
extern const KernelEntry kCheckSgdUpdate;
extern const KernelEntry kCheckAdamUpdate;
extern const KernelEntry kSgdUpdate;
extern const KernelEntry kAdamUpdate;
extern const KernelEntry kMaxNorm;
extern const KernelEntry kClipValue;
extern const KernelEntry kClipNorm;

const KernelEntry* const kKernelTable[] = {
    &kAdd,
    &kElementwiseBinary,
    &kElementwiseUnary,
    &kElementwiseWhere,
    &kAddBias,
    &kScaleColumns,
    &kSumRows,
    &kReduce,
    &kReduceBackward,
    &kPermute,
    &kSlice,
    &kPlace,
    &kGather,
    &kGatherBackward,
    &kOneHot,
    &kFill,
    &kLiteral,
    &kActivationForward,
    &kActivationBackward,
    &kMatmul,
    &kBatchMatmul,
    &kMatmulPack,
    &kBatchNormStats,
    &kBatchNormApply,
    &kBatchNormForward,
    &kBatchNormBackwardReduce,
    &kBatchNormBackwardApply,
    &kBatchNormBackward,
    &kBatchNormInvStd,
    &kBatchNormRunning,
    &kBatchNormFold,
    &kLayerNormForward,
    &kLayerNormBackward,
    &kLayerNormBackwardReduce,
    &kDropoutForward,
    &kDropoutBackward,
    &kWeightNormForward,
    &kWeightNormScale,
    &kWeightNormBackward,
    &kSoftmaxForward,
    &kSoftmaxBackward,
    &kSoftmaxCrossEntropyForward,
    &kSoftmaxCrossEntropyBackward,
    &kSoftLabelCrossEntropyForward,
    &kSoftLabelCrossEntropyBackward,
    &kSquaredErrorForward,
    &kSquaredErrorBackward,
    &kElementLossForward,
    &kElementLossBackward,
    &kLabelWeight,
    &kWeightedMeanForward,
    &kWeightedMeanBackward,
    &kCheckFinite,
    &kCheckLabels,
    &kCheckFractions,
    &kCheckSgdUpdate,
    &kCheckAdamUpdate,
    &kSgdUpdate,
    &kAdamUpdate,
    &kMaxNorm,
    &kClipValue,
    &kClipNorm,
};
const int kKernelCount = sizeof(kKernelTable) / sizeof(kKernelTable[0]);

}  // namespace evenkeel
