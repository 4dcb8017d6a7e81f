// scaleColumns: out[r, c] = x[r, c] · scale[c]
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/scale_columns.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/columns-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status ScaleColumns(Call& call) {
  float* out = call.Out(0);
  const float* x = call.In(1);
  const float* scale = call.In(2);
  const hn::ScalableTag<float> d;
  ForEachColumnVector(call.parallel, call.dims[0], call.dims[1], [=](int64_t i, int64_t column, auto access) EVK_LAMBDA {
    access.Store(hn::Mul(access.Load(d, x + i), access.Load(d, scale + column)), d, out + i);
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
    Write("out", Dim<0, 1>),
    Read("x", Dim<0, 1>),
    Read("scale", Dim<1>),
};
}  // namespace
extern const KernelEntry kScaleColumns;
const KernelEntry kScaleColumns = {"scaleColumns", kOperands, 3, 2, 0, nullptr, {EVK_TARGETS(ScaleColumns)}};
}  // namespace evenkeel
#endif
