// weightNormBackward, one row (Salimans & Kingma 2016, equation 3):
//
//   dg = round32(Σ v·dw / norm)        the sum in float64 as row_dot-inl.h orders it: the same bits everywhere
//   t = round32(dg/norm), s = round32(g/norm)
//   dv = s·(dw − v·t)                  each operation rounded
//
// A row of zeros (norm 0) has no direction: dg = 0, dv = 0. dv may be dw.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/weight_norm_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/cache_control.h>

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

Status WeightNormBackward(Call& call) {
  const int64_t columns = call.dims[1];
  float* dv = call.Out(0);
  float* dg = call.Out(1);
  const float* dw = call.In(2);
  const float* v = call.In(3);
  const float* g = call.In(4);
  const float* norm = call.In(5);
  // In place the line is in the cache already.
  const bool streamed = dv != dw && call.dims[0] * columns * 3 * static_cast<int64_t>(sizeof(float)) > LastLevelCacheBytes();
  ForEachWeightRow(
      call.parallel, call.dims[0], columns,
      [=](int64_t row) HWY_ATTR {
        const hn::ScalableTag<float> d;
        const float* dw_row = dw + row * columns;
        const float* v_row = v + row * columns;
        float* dv_row = dv + row * columns;
        if (norm[row] == 0.0f) {
          dg[row] = 0.0f;
          StoreRow(d, dv_row, columns, streamed, [=](int64_t, auto) EVK_LAMBDA { return hn::Zero(d); });
          return;
        }
        dg[row] = static_cast<float>(RowDot(v_row, dw_row, columns) / static_cast<double>(norm[row]));
        const auto along = hn::Set(d, dg[row] / norm[row]);
        const auto scale = hn::Set(d, g[row] / norm[row]);
        StoreRow(d, dv_row, columns, streamed, [=](int64_t i, auto access) EVK_LAMBDA {
          const auto across = hn::Sub(access.Load(d, dw_row + i), hn::Mul(access.Load(d, v_row + i), along));
          return hn::Mul(scale, across);
        });
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
    Write("dv", Dim<0, 1>),
    Write("dg", Dim<0>),
    Read("dw", Dim<0, 1>),
    Read("v", Dim<0, 1>),
    Read("g", Dim<0>),
    Read("norm", Dim<0>),
};
}  // namespace
extern const KernelEntry kWeightNormBackward;
const KernelEntry kWeightNormBackward = {"weightNormBackward", kOperands, 6, 2, 0, nullptr, {EVK_TARGETS(WeightNormBackward)}};
}  // namespace evenkeel
#endif
