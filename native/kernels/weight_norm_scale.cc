// weightNormScale: norm and s of weightNormForward without w, for a matmul that scales its outputs by s.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/weight_norm_scale.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>


#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/weight_norm.h"
#include "native/simd/row_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status WeightNormScale(Call& call) {
  const int64_t columns = call.dims[1];
  float* scale = call.Out(0);
  float* norm = call.Out(1);
  const float* v = call.In(2);
  const float* g = call.In(3);
  ForEachWeightRow(
      call.parallel, call.dims[0], columns,
      [=](int64_t row) HWY_ATTR {
        const float* v_row = v + row * columns;
        norm[row] = static_cast<float>(std::sqrt(RowDot(v_row, v_row, columns)));
        scale[row] = WeightNormScaleOf(g[row], norm[row]);
      },
      [] {});
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("scale", Dim<0>),
    Write("norm", Dim<0>),
    Read("v", Dim<0, 1>),
    Read("g", Dim<0>),
};
}  // namespace
extern const KernelEntry kWeightNormScale;
const KernelEntry kWeightNormScale = {"weightNormScale", kOperands, 4, 2, 0, nullptr, {EVK_TARGETS(WeightNormScale)}};
}  // namespace evenkeel
#endif
