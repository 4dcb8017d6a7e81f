// weightNormForward: norm = round32(√Σv²), s = round32(g/norm), w = s·v, one norm a row (Salimans & Kingma 2016,
// equation 2). Σ in float64 as row_dot-inl.h orders it: the same bits everywhere. A row of zeros gives w = 0.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/weight_norm_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/cache_control.h>

#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/weight_norm.h"
#include "native/runtime/cache_size.h"
#include "native/simd/row_dot-inl.h"
#include "native/simd/row_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status WeightNormForward(Call& call) {
  const int64_t columns = call.dims[1];
  float* w = call.Out(0);
  float* norm = call.Out(1);
  const float* v = call.In(2);
  const float* g = call.In(3);
  const bool streamed = call.dims[0] * columns * 2 * static_cast<int64_t>(sizeof(float)) > LastLevelCacheBytes();
  ForEachWeightRow(
      call.parallel, call.dims[0], columns,
      [=](int64_t row) HWY_ATTR {
        const hn::ScalableTag<float> d;
        const float* v_row = v + row * columns;
        norm[row] = static_cast<float>(std::sqrt(RowDot(v_row, v_row, columns)));
        const auto scale = hn::Set(d, WeightNormScaleOf(g[row], norm[row]));
        StoreRow(d, w + row * columns, columns, streamed,
                 [=](int64_t i, auto access) EVK_LAMBDA { return hn::Mul(scale, access.Load(d, v_row + i)); });
      },
      [=] {
        if (streamed) hwy::FlushStream();
      });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("w", Dim<0, 1>),
    Write("norm", Dim<0>),
    Read("v", Dim<0, 1>),
    Read("g", Dim<0>),
};
}  // namespace
extern const KernelEntry kWeightNormForward;
const KernelEntry kWeightNormForward = {"weightNormForward", kOperands, 4, 2, 0, nullptr, {EVK_TARGETS(WeightNormForward)}};
}  // namespace evenkeel
#endif
