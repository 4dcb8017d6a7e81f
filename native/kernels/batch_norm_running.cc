// batchNormRunning: running ← running + (1 − decay)·(batch − running); the variance times m/(m − 1)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_running.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {

// In float64 throughout, rounded once: with a decay near 1 the steps are far below one unit of the running value.
Status BatchNormRunning(Call& call) {
  float* running_mean = call.Out(0);
  float* running_variance = call.Out(1);
  double* batches = call.As<double>(2);
  const float* mean = call.In(3);
  const float* mean_low = call.In(4);
  const float* variance = call.In(5);
  const double rate = 1 - call.scalars[0];
  const double count = static_cast<double>(call.dims[0]) * static_cast<double>(call.dims[2]);
  // One value has no unbiased variance; the trainer refuses such a batch, the kernel stays finite.
  const double unbiased = count > 1 ? count / (count - 1) : 1;
  for (int64_t c = 0; c < call.dims[1]; ++c) {
    const double batch_mean = static_cast<double>(mean[c]) + (mean_low ? mean_low[c] : 0);
    const double m = running_mean[c], v = running_variance[c];
    running_mean[c] = static_cast<float>(m + rate * (batch_mean - m));
    running_variance[c] = static_cast<float>(v + rate * (variance[c] * unbiased - v));
  }
  if (batches) *batches += 1;
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Update("runningMean", Dim<1>),
    Update("runningVariance", Dim<1>),
    OptionalUpdate("batches", One, DType::kFloat64),
    Read("mean", Dim<1>),
    OptionalRead("meanLow", Dim<1>),
    Read("variance", Dim<1>),
};
}  // namespace
extern const KernelEntry kBatchNormRunning;
const KernelEntry kBatchNormRunning = {
    "batchNormRunning", kOperands, 6, 3, 1, nullptr, {EVK_TARGETS(BatchNormRunning)}};
}  // namespace evenkeel
#endif
