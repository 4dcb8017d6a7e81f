// batchNormInvStd: invStd = 1/√(variance + ε), in float64, rounded once
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_inv_std.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {

Status BatchNormInvStd(Call& call) {
  float* inv_std = call.Out(0);
  const float* variance = call.In(1);
  const double epsilon = call.scalars[0];
  for (int64_t c = 0; c < call.dims[0]; ++c) inv_std[c] = static_cast<float>(1 / std::sqrt(variance[c] + epsilon));
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {Write("invStd", Dim<0>), Read("variance", Dim<0>)};
}  // namespace
extern const KernelEntry kBatchNormInvStd;
const KernelEntry kBatchNormInvStd = {"batchNormInvStd", kOperands, 2, 1, 1, nullptr, {EVK_TARGETS(BatchNormInvStd)}};
}  // namespace evenkeel
#endif
