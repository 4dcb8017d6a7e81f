// batchNormFold: normalize(acc·scaleIn + biasIn) = acc·scale + bias, in float64, rounded once
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_fold.cc"
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

Status BatchNormFold(Call& call) {
  float* scale = call.Out(0);
  float* bias = call.Out(1);
  const float* mean = call.In(2);
  const float* variance = call.In(3);
  const float* gamma = call.In(4);
  const float* beta = call.In(5);
  const float* scale_in = call.In(6);
  const float* bias_in = call.In(7);
  const double epsilon = call.scalars[0];
  for (int64_t c = 0; c < call.dims[0]; ++c) {
    const double factor = (gamma ? gamma[c] : 1) / std::sqrt(variance[c] + epsilon);
    const double centred = (bias_in ? bias_in[c] : 0) - static_cast<double>(mean[c]);
    const double offset = centred * factor + (beta ? beta[c] : 0);
    scale[c] = static_cast<float>((scale_in ? scale_in[c] : 1) * factor);
    bias[c] = static_cast<float>(offset);
  }
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("scale", Dim<0>),        Write("bias", Dim<0>),        Read("mean", Dim<0>),
    Read("variance", Dim<0>),      OptionalRead("gamma", Dim<0>), OptionalRead("beta", Dim<0>),
    OptionalRead("scaleIn", Dim<0>), OptionalRead("biasIn", Dim<0>),
};
}  // namespace
extern const KernelEntry kBatchNormFold;
const KernelEntry kBatchNormFold = {"batchNormFold", kOperands, 8, 1, 1, nullptr, {EVK_TARGETS(BatchNormFold)}};
}  // namespace evenkeel
#endif
