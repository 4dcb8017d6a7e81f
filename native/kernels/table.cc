// Every kernel, in the order of lib/kernels/table.ts.
#include "native/kernels/kernel.h"

namespace evenkeel {

extern const KernelEntry kAdd;
extern const KernelEntry kActivationForward;
extern const KernelEntry kActivationBackward;
extern const KernelEntry kMatmul;
extern const KernelEntry kMatmulPack;
extern const KernelEntry kBatchNormStats;
extern const KernelEntry kBatchNormApply;
extern const KernelEntry kBatchNormForward;
extern const KernelEntry kBatchNormInvStd;
extern const KernelEntry kBatchNormRunning;
extern const KernelEntry kBatchNormFold;
extern const KernelEntry kDropoutForward;
extern const KernelEntry kDropoutBackward;
extern const KernelEntry kWeightNormForward;
extern const KernelEntry kWeightNormScale;
extern const KernelEntry kWeightNormBackward;

const KernelEntry* const kKernelTable[] = {
    &kAdd,
    &kActivationForward,
    &kActivationBackward,
    &kMatmul,
    &kMatmulPack,
    &kBatchNormStats,
    &kBatchNormApply,
    &kBatchNormForward,
    &kBatchNormInvStd,
    &kBatchNormRunning,
    &kBatchNormFold,
    &kDropoutForward,
    &kDropoutBackward,
    &kWeightNormForward,
    &kWeightNormScale,
    &kWeightNormBackward,
};
const int kKernelCount = sizeof(kKernelTable) / sizeof(kKernelTable[0]);

}  // namespace evenkeel
