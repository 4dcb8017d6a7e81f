// batchNormStats: mean (in two parts), biased variance and 1/√(variance + ε) of each channel
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_stats.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/batch_norm.h"
#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/batch_norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {

Status BatchNormStats(Call& call) {
  const BatchNormPlan plan(call.dims);
  const BatchNormWorkspace workspace(call.workspace, plan, 0);
  const Statistics statistics = {call.Out(0), call.Out(1), call.Out(2), call.Out(3), call.scalars[0]};
  ComputeStatistics(plan, call.parallel, call.In(4), workspace, statistics);
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("mean", Dim<1>),   Write("meanLow", Dim<1>),    Write("variance", Dim<1>),
    Write("invStd", Dim<1>), Read("x", Dim<0, 1, 2>),
};
size_t Workspace(const int64_t* dims, const double*, int threads) {
  return BatchNormWorkspace::Bytes(BatchNormPlan(dims), 0, threads);
}
}  // namespace
extern const KernelEntry kBatchNormStats;
const KernelEntry kBatchNormStats = {"batchNormStats", kOperands, 5, 3, 1, Workspace, {EVK_TARGETS(BatchNormStats)}};
}  // namespace evenkeel
#endif
